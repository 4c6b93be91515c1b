"""A signed contract gets its schedule, with real contracts and the real calendar (R1 to R6, R31, R32)."""

import pytest
from crm.calendar import calendar_pb2
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceStub
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentScheduleServiceStub
from db_utils import uuid7
from grpc_utils import timestamp
from service_kit.outgoing.sender import Sender
from service_payments import agenda
from service_testing import Mesh, eventually
from tests.monthly_sales import MONDAY, schedule_of, signed

pytestmark = pytest.mark.usefixtures("on_monday")
DAYS = [
    "2026-02-05",
    "2026-03-05",
    "2026-04-07",
    "2026-05-05",
    "2026-06-05",
    "2026-07-06",
    "2026-08-05",
    "2026-09-07",
    "2026-10-05",
    "2026-11-05",
    "2026-12-07",
    "2027-01-05",
]


async def test_R1_R4_R5_a_signed_contract_has_its_twelve_days(
    the_fifth: None,
    mesh: Mesh,
    contrats: ContratServiceStub,
    echeanciers: PaymentScheduleServiceStub,
    prelevements: PlannedDebitServiceStub,
) -> None:
    """Easter moves April's, weekends those of July, September and December; the calendar shows all."""
    contrat = await contrats.Create(signed())
    schedule = await schedule_of(echeanciers, contrat.id)
    assert (schedule.statut, schedule.montant_total, schedule.moyen) == ("ACTIVE", 598.80, "SEPA_DEBIT")
    assert [one.date_prelevement for one in schedule.echeances] == DAYS
    assert {(one.montant, one.statut, one.planification) for one in schedule.echeances} == {
        (49.90, "PLANIFIEE", "PLANIFIEE")
    }
    easter = schedule.echeances[2]
    assert (easter.date_cible, bool(easter.decalage_motif)) == ("2026-04-05", True)

    await Sender(agenda.PLAN).send_due(mesh["payments"].app)
    asked = calendar_pb2.ListPlannedDebitsRequest(date_from=DAYS[0], date_to=DAYS[-1], contrat_id=contrat.id)
    shown = (await prelevements.List(asked)).planned_debits
    assert [row.planned_debit_date for row in shown] == DAYS
    assert {(row.montant, row.statut) for row in shown} == {(49.90, "PLANNED")}


async def test_R2_R32_a_contract_of_another_system_is_due_once(
    the_fifth: None, mesh: Mesh, org: str, echeanciers: PaymentScheduleServiceStub
) -> None:
    """Its event alone is known: one échéance of all that it tells."""
    event = ContractSignedEvent(
        event_id=str(uuid7()),
        timestamp=timestamp(MONDAY),
        contrat_id="contrat-9",
        client_id="client-123",
        montant_total=600,
        date_signature=timestamp(MONDAY),
        organisation_id=org,
        societe_id="soc-1",
    )
    await mesh.deliver(event, timeout=30)
    schedule = await schedule_of(echeanciers, "contrat-9")
    assert (schedule.frequence, schedule.statut, schedule.societe_id) == ("UNIQUE", "ACTIVE", "soc-1")
    assert [(one.montant, one.date_prelevement) for one in schedule.echeances] == [(600, "2026-02-05")]


@pytest.mark.parametrize(
    ("contrat_id", "montant"), [("contrat-0", 0), ("01900000-0000-7000-8000-000000000001", 0)]
)
async def test_R3_without_an_amount_the_schedule_waits_for_one(
    mesh: Mesh, org: str, echeanciers: PaymentScheduleServiceStub, contrat_id: str, montant: float
) -> None:
    """Update with an amount builds its échéances."""
    event = ContractSignedEvent(
        event_id=str(uuid7()),
        timestamp=timestamp(MONDAY),
        contrat_id=contrat_id,
        client_id="client-123",
        montant_total=montant,
        date_signature=timestamp(MONDAY),
        organisation_id=org,
    )
    await mesh.deliver(event, timeout=30)
    schedule = await schedule_of(echeanciers, contrat_id)
    assert (schedule.statut, len(schedule.echeances)) == ("INCOMPLETE", 0)
    complete = await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, montant_total=90))
    assert (complete.statut, [one.montant for one in complete.echeances]) == ("ACTIVE", [90])


async def test_a_second_signature_changes_nothing_while_a_schedule_lives(
    the_fifth: None, mesh: Mesh, org: str, echeanciers: PaymentScheduleServiceStub
) -> None:
    """Whatever its event id; after the end of the first, a renewal gets its own."""
    event = ContractSignedEvent(
        event_id=str(uuid7()),
        timestamp=timestamp(MONDAY),
        contrat_id="contrat-2",
        client_id="client-123",
        montant_total=600,
        date_signature=timestamp(MONDAY),
        organisation_id=org,
        societe_id="soc-1",
    )
    await mesh.deliver(event, timeout=30)
    first = await schedule_of(echeanciers, "contrat-2")
    event.event_id = str(uuid7())
    await mesh.deliver(event, timeout=30)
    listed = await echeanciers.List(pb.ListSchedulesRequest(contrat_id="contrat-2"))
    assert [one.id for one in listed.schedules] == [first.id]
    await echeanciers.Cancel(pb.CancelScheduleRequest(id=first.id, motif="renouvellement"))
    event.event_id = str(uuid7())
    await mesh.deliver(event, timeout=30)

    async def both() -> bool:
        again = await echeanciers.List(pb.ListSchedulesRequest(contrat_id="contrat-2"))
        return sorted(one.statut for one in again.schedules) == ["ACTIVE", "CANCELLED"]

    assert await eventually(both, timeout=30)
