"""What tests of schedules sell by the month: contracts, schedules made by hand, the day of debits."""

from datetime import UTC, datetime
from typing import Any, Final

from crm.calendar.calendar_pb2 import SaveDebitConfigurationRequest
from crm.calendar.calendar_pb2_grpc import DebitConfigurationServiceStub
from crm.contrats.contrats_pb2 import CreateContratRequest
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentScheduleServiceStub
from service_testing import eventually

MONDAY: Final = datetime(2026, 1, 12, 9, tzinfo=UTC)  # 10:00 in Paris


async def save_day(reglages: DebitConfigurationServiceStub, day: int) -> None:
    """Let the société debit on *day* of the month, or the business day after it."""
    await reglages.Save(
        SaveDebitConfigurationRequest(
            niveau="SOCIETE",
            reference_id="soc-1",
            mode="FIXED_DAY",
            fixed_day=day,
            shift_strategy="NEXT_BUSINESS_DAY",
            zone_code="FR",
        )
    )


def monthly(**fields: Any) -> pb.CreateScheduleRequest:
    """Twelve months at 49.90 with *fields* of its own; None leaves one out."""
    told = {
        "client_id": "client-123",
        "societe_id": "soc-1",
        "montant_total": 598.80,
        "nombre_echeances": 12,
        "frequence": "MENSUELLE",
        "date_debut": "2026-01-12",
    }
    return pb.CreateScheduleRequest(
        **{name: value for name, value in {**told, **fields}.items() if value is not None}
    )


def signed() -> CreateContratRequest:
    """A contract of twelve months at 49.90."""
    return CreateContratRequest(
        client_id="client-123",
        produit_id="prod-456",
        societe_id="soc-1",
        montant=49.90,
        frequence_facturation="MENSUELLE",
        duree_mois=12,
    )


async def schedule_of(echeanciers: PaymentScheduleServiceStub, contrat_id: str) -> pb.Schedule:
    """The schedule of a contract with its échéances, once it is there."""

    async def look() -> Any:
        listed = await echeanciers.List(pb.ListSchedulesRequest(contrat_id=contrat_id))
        return listed.schedules and listed.schedules[0]

    found = await eventually(look, timeout=30)
    return await echeanciers.Get(pb.GetScheduleRequest(id=found.id))
