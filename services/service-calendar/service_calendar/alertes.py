"""Notification of a day whose volume has passed its threshold (R22)."""

from datetime import date

from crm.notifications.notifications_pb2 import CreateNotificationRequest
from db_utils import Transaction
from service_kit.outgoing import NOTIFICATION, queue

from service_calendar.volumes import Volume


async def alert(tx: Transaction, organisation_id: str, societe_id: str, day: date, volume: Volume) -> None:
    """Owe everybody in the organisation one notification of *day*, whatever comes to it later."""
    key = f"volume:{societe_id}:{day.isoformat()}"
    request = CreateNotificationRequest(
        organisation_id=organisation_id,
        destinataire_type="ORGANISATION",
        type="ALERTE",
        niveau="critique",
        titre="Volume de prélèvements dépassé",
        message=(
            f"{volume.nombre} prélèvements pour {_euros(volume)} sont prévus le {day:%d/%m/%Y},"
            " au-delà du seuil fixé."
        ),
        cle_idempotence=key,
    )
    request.metadata.update({"societe_id": societe_id, "date": day.isoformat()})
    await queue(tx, NOTIFICATION, request, key=key, organisation_id=organisation_id)


def _euros(volume: Volume) -> str:
    """The amount as it is written in French, with spaces at which no line breaks: 10 000,01 €."""
    return f"{volume.montant:,.2f}\u00a0€".replace(",", "\u202f").replace(".", ",")
