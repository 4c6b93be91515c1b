"""What a schedule comes to: the next attempt, or its end and who is told of it (R6, R7, R14)."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from crm.relance.relance_pb2 import ProcessEventRequest
from crm.relance.relance_pb2_grpc import RelanceEngineServiceStub
from db_utils import Transaction, clock
from grpc_utils import Peers, written_amount
from service_kit.outgoing import AVERTISSEMENT, Command, alert, queue

from service_retry import journal, rules
from service_retry.calendrier import Presentation, Suite
from service_retry.codes import sentence
from service_retry.models import (
    LONGEST_REASON,
    MAX_ATTEMPTS_REACHED,
    RetryAttempt,
    RetrySchedule,
)

_STATUTS = {
    "SCHEDULED": "prévue",
    "SUBMITTED": "en cours",
    "SUCCEEDED": "réglée",
    "FAILED": "rejetée",
    "SKIPPED": "non présentée",
    "CANCELLED": "annulée",
}


async def _escalate(peers: Peers, request: ProcessEventRequest) -> None:
    await peers.stub(RelanceEngineServiceStub).ProcessEvent(request)


ESCALATION: Final = Command(
    "escalade", ProcessEventRequest, send=_escalate, libelle="transmission d'un impayé aux relances"
)


def new_attempt(schedule: RetrySchedule, number: int, presentation: Presentation) -> RetryAttempt:
    """Attempt *number* of *schedule* (R5)."""
    return RetryAttempt(
        organisation_id=schedule.organisation_id,
        retry_schedule_id=schedule.id,
        attempt_number=number,
        planned_date=presentation.planned_date,
        date_remise=presentation.date_remise,
    )


async def follow(tx: Transaction, schedule: RetrySchedule, suite: Suite) -> None:
    """Have *suite* happen to *schedule*, which *tx* has locked (R6, R14).

    Nothing happens to a schedule that has an open attempt, or meanwhile another number of them: it is
    planned already, or the job plans it.
    """
    attempts = await journal.attempts_of(tx, schedule.id)
    if schedule.is_resolved or any(map(rules.is_open, attempts)):
        return
    if suite.is_exhausted:
        await exhaust(tx, schedule, attempts)
    elif suite.presentation is None or suite.number != rules.next_number(attempts):
        await tx.update(schedule, next_retry_date=None)
    else:
        attempt = await tx.insert(new_attempt(schedule, suite.number, suite.presentation))
        await tx.update(schedule, next_retry_date=attempt.planned_date)
        apres = {"attempt_number": suite.number, "planned_date": attempt.planned_date}
        journal.record(
            tx, schedule, journal.PLANNED, attempt.id, apres=apres | {"date_remise": attempt.date_remise}
        )


async def resolve(tx: Transaction, schedule: RetrySchedule, reason: str, detail: str | None = None) -> None:
    """End *schedule* for *reason*; *detail* says more of it."""
    await tx.update(
        schedule,
        is_resolved=True,
        resolution_reason=reason,
        resolved_at=clock.now(),
        next_retry_date=None,
        eligibility=rules.eligibility_of(reason),
        eligibility_reason=detail[:LONGEST_REASON] if detail else schedule.eligibility_reason,
        a_lire=False,
    )
    apres = {"resolution_reason": reason, "detail": detail}
    journal.record(tx, schedule, journal.RESOLVED, apres=apres)


async def exhaust(tx: Transaction, schedule: RetrySchedule, attempts: Sequence[RetryAttempt]) -> None:
    """End *schedule*, which no attempt may follow, and tell relance and the finance team once (R14)."""
    await resolve(tx, schedule, MAX_ATTEMPTS_REACHED, "plus aucune présentation possible")
    key = f"retry:{schedule.id}"
    if schedule.facture_id:
        request = ProcessEventRequest(
            organisation_id=schedule.organisation_id,
            declencheur="IMPAYE",
            motif="RETRY_EPUISE",
            client_id=schedule.client_id,
            facture_id=schedule.facture_id,
            contrat_id=schedule.contrat_id or "",
            cle=key,
        )
        await queue(tx, ESCALATION, request, key=key, organisation_id=schedule.organisation_id)
    await tell_finance(
        tx,
        schedule,
        "epuise",
        titre="Prélèvement définitivement impayé",
        message=f"{debit_of(schedule)} n'est plus présenté. {history(attempts)}",
    )


async def tell_finance(
    tx: Transaction, schedule: RetrySchedule, cause: str, *, titre: str, message: str
) -> None:
    """Owe the finance team one notification about *schedule* for *cause*; a second one is none."""
    await alert(
        tx,
        schedule.organisation_id,
        f"retry:{schedule.id}:{cause}",
        niveau=AVERTISSEMENT,
        titre=titre,
        message=message,
        metadata={
            "retry_schedule_id": str(schedule.id),
            "payment_id": schedule.original_payment_id,
            "client_id": schedule.client_id,
            "facture_id": schedule.facture_id or "",
        },
    )


def debit_of(schedule: RetrySchedule) -> str:
    """The rejected debit, as the beginning of a sentence."""
    told = f"rejeté le {written_date(schedule.rejection_date)} ({sentence(schedule.rejection_code)})"
    return f"Le prélèvement de {written_amount(schedule.montant)} {told}"


def history(attempts: Sequence[RetryAttempt]) -> str:
    """What became of *attempts*, in a sentence for people (R14)."""
    told = ", ".join(
        f"n° {attempt.attempt_number} du {written_date(attempt.planned_date)} {_STATUTS[attempt.statut]}"
        + (f" ({attempt.new_rejection_code})" if attempt.new_rejection_code else "")
        for attempt in attempts
    )
    return f"Présentations : {told}." if told else "Aucune nouvelle présentation n'a eu lieu."


def written_date(day: date) -> str:
    """*day* as in 16/03/2026."""
    return f"{day:%d/%m}/{day.year:04}"
