"""Rules of the figures as pure functions: rows from events, variations from counts."""

from crm.dashboard import dashboard_pb2 as pb
from crm.events.business_pb2 import ClientCreatedEvent
from nats_utils import required_instant

from service_dashboard.models import ClientVu


def client_vu(event: ClientCreatedEvent, organisation_id: str, societe_id: str) -> ClientVu:
    """The row to keep of a new client (R20).

    Raises InvalidEvent when the event has neither a creation nor a time of its own.
    """
    return ClientVu(
        client_id=event.client_id,
        organisation_id=organisation_id,
        societe_id=societe_id or None,
        cree_le=required_instant(event, "created_at", "timestamp"),
    )


def variation(current: int, previous: int) -> pb.Variation:
    """The variation from *previous* to *current*, in percent with 2 decimals rounded half up (R4).

    The arithmetic is in whole hundredths of a percent, so that no binary fraction decides a rounding.
    """
    if previous == 0:
        return _variation(10_000 if current > 0 else 0, rising=True)
    hundredths = (abs(current - previous) * 20_000 + previous) // (2 * previous)
    return _variation(hundredths, rising=current > previous)


def _variation(hundredths: int, *, rising: bool) -> pb.Variation:
    tendance = "stable" if hundredths == 0 else "hausse" if rising else "baisse"
    return pb.Variation(pourcentage=hundredths / 100, tendance=tendance)
