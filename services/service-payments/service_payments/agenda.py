"""The planned debits of the calendar service, which shows people what will be debited when."""

from collections.abc import Sequence
from typing import Final

from crm.calendar.calendar_pb2 import DebitToPlan, PlanDebitsRequest, UpdatePlannedDebitStatusRequest
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceStub
from db_utils import Transaction
from grpc_utils import Peers
from service_kit.outgoing import Command, queue

from service_payments.models import SEPA_DEBIT, Echeance, Echeancier
from service_payments.suites import CALENDRIER, DEBIT_CANCELLED, about_schedule


async def _plan(peers: Peers, request: PlanDebitsRequest) -> None:
    await peers.stub(PlannedDebitServiceStub).Plan(request)


PLAN: Final = Command(
    "planifier_prelevements",
    PlanDebitsRequest,
    send=_plan,
    libelle="inscription des prélèvements au calendrier",
)


async def withdraw(tx: Transaction, schedule: Echeancier, echeance: Echeance) -> None:
    """Owe the calendar that *echeance* will not be debited."""
    if schedule.moyen != SEPA_DEBIT:
        return
    request = UpdatePlannedDebitStatusRequest(
        organisation_id=schedule.organisation_id,
        schedule_id=str(schedule.id),
        rang=echeance.rang,
        statut=DEBIT_CANCELLED,
    )
    await queue(
        tx,
        CALENDRIER,
        request,
        key=f"{echeance.id}:{DEBIT_CANCELLED}:{echeance.version}",
        about=about_schedule(schedule.id),
        organisation_id=schedule.organisation_id,
    )


async def plan(tx: Transaction, schedule: Echeancier, echeances: Sequence[Echeance]) -> None:
    """Owe the calendar the days of *echeances* that are debited and have one."""
    debits = [_debit(schedule, one) for one in echeances if one.date_prelevement is not None]
    if schedule.moyen != SEPA_DEBIT or not debits:
        return
    # The last change among them names what is told: a repetition is the same, a later change another one.
    latest = max((one.version, one.rang, str(one.id)) for one in echeances)
    await queue(
        tx,
        PLAN,
        PlanDebitsRequest(organisation_id=schedule.organisation_id, debits=debits),
        key=f"plan:{schedule.id}:{latest[2]}:{latest[0]}:{len(debits)}",
        about=about_schedule(schedule.id),
        organisation_id=schedule.organisation_id,
    )


def _debit(schedule: Echeancier, echeance: Echeance) -> DebitToPlan:
    assert echeance.date_prelevement is not None
    target = echeance.date_cible or echeance.date_prelevement
    return DebitToPlan(
        schedule_id=str(schedule.id),
        rang=echeance.rang,
        contrat_id=schedule.contrat_id or "",
        client_id=schedule.client_id,
        societe_id=schedule.societe_id,
        planned_debit_date=echeance.date_prelevement.isoformat(),
        original_target_date=target.isoformat(),
        montant=float(echeance.montant),
    )
