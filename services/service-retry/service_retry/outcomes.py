"""Outcomes of attempts, as payments reports or announces them, and what follows of them (R13, R18)."""

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from crm.payments.payments_pb2 import Payment
from db_utils import Transaction, clock
from grpc_utils import found
from grpc_utils.errors import TransitionInterdite
from service_kit import App, rejets

from service_retry import codes, journal, rules, suites
from service_retry.calendrier import Suite, suite
from service_retry.models import (
    CANCELLED,
    FAILED,
    NOT_ELIGIBLE_REASON_CODE,
    PAYMENT_SETTLED,
    RETRY_SUCCEEDED,
    SCHEDULED,
    SUBMITTED,
    SUCCEEDED,
    RetryAttempt,
    RetrySchedule,
)
from service_retry.policy_rules import Snapshot
from service_retry.verification import is_settled

_log = logging.getLogger(__name__)

PAID, REJECTED = "PAID", "REJECTED"
STATUTS: Final = (PAID, REJECTED, FAILED, CANCELLED)
_TARGETS: Final = {PAID: SUCCEEDED, REJECTED: FAILED, CANCELLED: CANCELLED}
# statuts of payments that say that the money came at least once
_PAID_ONCE: Final = frozenset({PAID, "PARTIALLY_REFUNDED", "REFUNDED"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of *payment_id*, the payment of an attempt: *statut* on *jour*, with the bank's *code*."""

    payment_id: str
    statut: str
    jour: date
    code: str = ""


@dataclass(frozen=True, slots=True)
class Effet:
    """What an outcome brings: the debt *is_settled*, an *obstacle* to go on, or else *suite*."""

    is_settled: bool = False
    obstacle: str | None = None
    suite: Suite | None = None


def outcome_of(known: Payment) -> Outcome | None:
    """The outcome that a payment of payments has had, None while it has none (R17)."""
    statut = PAID if known.statut in _PAID_ONCE else known.statut
    if statut not in _TARGETS:
        return None
    told = {PAID: known.date_reception, REJECTED: known.date_rejet}.get(statut, "")
    jour = date.fromisoformat(told) if told else clock.today()
    return Outcome(
        known.id, statut, jour, rejets.normal_code(known.motif_rejet) if statut == REJECTED else ""
    )


async def effet(app: App[Any], attempt: RetryAttempt, outcome: Outcome) -> Effet:
    """Ask what *outcome* of *attempt* brings, before the transaction. Raises Unavailable and refusals."""
    if outcome.statut not in (REJECTED, CANCELLED):
        return Effet()
    schedule = found(await app.database.read().get(RetrySchedule, attempt.retry_schedule_id))
    snapshot = Snapshot.read(schedule.policy_snapshot)
    if outcome.statut == REJECTED:
        why_not = codes.obstacle(outcome.code, snapshot.retryable_codes)
        if why_not:
            return Effet(obstacle=why_not)
    elif await is_settled(app, schedule):
        return Effet(is_settled=True)
    number = attempt.attempt_number + 1
    return Effet(suite=await suite(app, schedule.societe_id, snapshot, schedule.rejection_date, number))


async def apply(tx: Transaction, attempt: RetryAttempt, outcome: Outcome, brings: Effet) -> RetrySchedule:
    """Apply *outcome* to *attempt* and its schedule, once (R13). Raises TransitionInterdite.

    An outcome that was applied before changes nothing, nor does one that a later one has overtaken.
    """
    schedule = found(await tx.get(RetrySchedule, attempt.retry_schedule_id, lock=True))
    attempt = found(await tx.get(RetryAttempt, attempt.id, lock=True))
    if outcome.statut == FAILED:
        await _note_failure(tx, schedule, attempt, outcome)
        return schedule
    target = _TARGETS[outcome.statut]
    if attempt.statut == target or (attempt.statut, outcome.statut) == (FAILED, PAID):
        return schedule
    if not (rules.is_called(attempt) or rules.may_become(attempt.statut, target)):
        raise TransitionInterdite(de=attempt.statut, vers=target)
    await _end(tx, schedule, attempt, outcome, target)
    await _conclude(tx, schedule, outcome, brings)
    return schedule


async def _note_failure(
    tx: Transaction, schedule: RetrySchedule, attempt: RetryAttempt, outcome: Outcome
) -> None:
    """Note a technical failure: payments presents the same payment again, the attempt goes on (R13)."""
    erreur = f"échec technique du {suites.written_date(outcome.jour)}"
    if rules.is_called(attempt) and attempt.erreur != erreur:
        await tx.update(attempt, erreur=erreur)
        journal.record(tx, schedule, journal.TECHNICAL_FAILURE, attempt.id, apres={"jour": outcome.jour})


async def _end(
    tx: Transaction, schedule: RetrySchedule, attempt: RetryAttempt, outcome: Outcome, target: str
) -> None:
    """Write the end of *attempt*; one whose call is not answered yet has its payment now (R9)."""
    former, now = attempt.statut, clock.now()
    if former == SCHEDULED:
        await tx.update(attempt, statut=SUBMITTED, payment_id=outcome.payment_id, executed_at=now)
        await tx.update(schedule, current_attempt=attempt.attempt_number)
        journal.record(tx, schedule, SUBMITTED, attempt.id, apres={"payment_id": outcome.payment_id})
    code = outcome.code or None
    await tx.update(attempt, statut=target, new_rejection_code=code, resolved_at=now)
    journal.record(
        tx,
        schedule,
        target,
        attempt.id,
        avant={"statut": former},
        apres={"statut": target, "code": code, "jour": outcome.jour},
    )


async def _conclude(tx: Transaction, schedule: RetrySchedule, outcome: Outcome, brings: Effet) -> None:
    if outcome.statut == PAID:
        await suites.resolve(tx, schedule, RETRY_SUCCEEDED)
        return
    if schedule.is_resolved:
        await _reopen(tx, schedule)
    if brings.is_settled:
        await suites.resolve(tx, schedule, PAYMENT_SETTLED)
    elif brings.obstacle:
        await suites.resolve(tx, schedule, NOT_ELIGIBLE_REASON_CODE, brings.obstacle)
    elif brings.suite is not None:
        await suites.follow(tx, schedule, brings.suite)


async def _reopen(tx: Transaction, schedule: RetrySchedule) -> None:
    """Open a schedule again whose attempt had succeeded and comes back late (R18)."""
    journal.record(tx, schedule, journal.REOPENED, avant={"resolution_reason": schedule.resolution_reason})
    await tx.update(schedule, is_resolved=False, resolution_reason=None, resolved_at=None)
