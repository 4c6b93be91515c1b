"""One attempt that is due: checked, dated, asked of payments, noted (R10, R11).

The call is stored before it is made, under a lock that Cancel takes too, and repeated word for word
until it is answered: however often a process dies, payments makes one debit. Runs are in `remises.py`.
"""

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import grpc
from crm.payments.payments_pb2 import Payment, RetryPaymentRequest
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import Transaction, clock, failpoint
from grpc_utils import found, reason_of
from grpc_utils.errors import Unavailable
from service_kit import App

from service_retry import calendrier, issues, journal, rules
from service_retry.calendrier import SILENT, Presentation
from service_retry.issues import IGNORE, REPORTE, SOUMIS, Resultat
from service_retry.models import (
    MAX_ATTEMPTS_REACHED,
    SCHEDULED,
    RetryAttempt,
    RetrySchedule,
)
from service_retry.policy_rules import Snapshot
from service_retry.verification import verified

_log = logging.getLogger(__name__)

_PATIENCE: Final = 8.0  # seconds: payments asks three services before it answers
_TRIES: Final = 2  # a date that payments refuses is chosen anew once in a run
DATE_NON_ELIGIBLE: Final = "DATE_NON_ELIGIBLE"
CONTRAT_SUSPENDU, DEJA_TRAITEE = "CONTRAT_SUSPENDU", "DEJA_TRAITEE"
# Statuses that say that payments has made nothing and never will; any other leaves the call unanswered.
_FINAL: Final = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
)


@dataclass(frozen=True, slots=True)
class _Appel:
    """A call of payments that is stored and not answered yet."""

    schedule: RetrySchedule
    attempt: RetryAttempt


async def present(app: App[Any], attempt_id: UUID, *, dry_run: bool) -> Resultat:
    """Present the attempt if it is still to be presented; what became of it.

    Nothing is done and nothing is lost while a service that must tell is silent.
    """
    try:
        for _ in range(_TRIES):
            result = await _try(app, attempt_id, dry_run=dry_run)
            if result is not None:
                return result
    except SILENT as error:
        _log.warning("attempt %s waits for the next run: %r", attempt_id, error)
        return issues.left(attempt_id, reason_of(error) or "DEPENDANCE_INDISPONIBLE")
    return issues.left(attempt_id, DATE_NON_ELIGIBLE)


async def _try(app: App[Any], attempt_id: UUID, *, dry_run: bool) -> Resultat | None:
    """Present the attempt once; None when payments refused its day, which is free again."""
    attempt = await app.database.read().get(RetryAttempt, attempt_id)
    if attempt is None or attempt.statut != SCHEDULED:
        return Resultat(attempt_id, IGNORE, DEJA_TRAITEE)
    schedule = found(await app.database.read().get(RetrySchedule, attempt.retry_schedule_id))
    if attempt.appel_le is None:
        ready = await _prepared(app, schedule, attempt, dry_run=dry_run)
    else:
        ready = _Appel(schedule, attempt)
    if isinstance(ready, Resultat):
        return ready
    return Resultat(attempt_id, SOUMIS) if dry_run else await _call(app, ready)


async def _prepared(
    app: App[Any], schedule: RetrySchedule, attempt: RetryAttempt, *, dry_run: bool
) -> _Appel | Resultat:
    """Check and date *attempt*, and store the call that is to be made; or what became of it instead."""
    snapshot = Snapshot.read(schedule.policy_snapshot)
    verdict = await verified(app, schedule, snapshot)
    if verdict.skipped:
        return await issues.skip(app, attempt, verdict.skipped, dry_run=dry_run)
    limit = rules.last_day(schedule.rejection_date, snapshot)
    if verdict.is_suspended:
        later = await _later(app, schedule, snapshot, attempt, limit)
        if later is None:
            return await issues.skip(app, attempt, MAX_ATTEMPTS_REACHED, dry_run=dry_run)
        await issues.postpone(app, attempt, later, dry_run=dry_run)
        return Resultat(attempt.id, REPORTE, CONTRAT_SUSPENDU)
    days = await _days(app, schedule, snapshot, attempt)
    if days.planned_date > limit:
        return await issues.skip(app, attempt, MAX_ATTEMPTS_REACHED, dry_run=dry_run)
    if dry_run:
        return Resultat(attempt.id, SOUMIS)
    return await _stored(app, attempt, days)


async def _later(
    app: App[Any], schedule: RetrySchedule, snapshot: Snapshot, attempt: RetryAttempt, limit: date
) -> Presentation | None:
    """The days of *attempt* a week later, at most the last ones until *limit*; None when there are none."""
    societe_id = schedule.societe_id
    wanted = attempt.planned_date + rules.POSTPONEMENT
    later = await calendrier.presentation_from(app, societe_id, snapshot, wanted)
    if later.planned_date > limit:
        last = await calendrier.last_until(app, societe_id, limit)
        later = await calendrier.presentation_from(app, societe_id, snapshot, last)
    return later if later.planned_date > attempt.planned_date else None


async def _days(
    app: App[Any], schedule: RetrySchedule, snapshot: Snapshot, attempt: RetryAttempt
) -> Presentation:
    """The days of *attempt*, chosen anew when its remise has passed (R11)."""
    today = await calendrier.day_of_remise(app, schedule.societe_id)
    if attempt.date_remise >= today:
        return Presentation(attempt.planned_date, attempt.date_remise)
    base = rules.base(schedule.rejection_date, snapshot, attempt.attempt_number)
    return await calendrier.presentation(app, schedule.societe_id, snapshot, base, today)


async def _stored(app: App[Any], seen: RetryAttempt, days: Presentation) -> _Appel | Resultat:
    """Store the call for *seen* on *days* before it is made, unless somebody has changed it since."""
    async with app.database.transaction() as tx:
        schedule, attempt = await issues.locked(tx, seen)
        if not _is_as(attempt, seen) or schedule.is_resolved:
            return Resultat(seen.id, IGNORE, DEJA_TRAITEE)
        await tx.update(
            attempt,
            planned_date=days.planned_date,
            date_remise=days.date_remise,
            appel_le=clock.now(),
        )
        await tx.update(schedule, next_retry_date=days.planned_date)
        journal.record(tx, schedule, journal.CALLED, attempt.id, apres={"planned_date": days.planned_date})
    failpoint("retry.after_stored")
    return _Appel(schedule, attempt)


def _is_as(attempt: RetryAttempt, seen: RetryAttempt) -> bool:
    return attempt.statut == SCHEDULED and attempt.version == seen.version


async def _call(app: App[Any], appel: _Appel) -> Resultat | None:
    """Make the stored call, for the first time or again, and note its answer (R10, R11)."""
    schedule, attempt = appel.schedule, appel.attempt
    request = RetryPaymentRequest(
        payment_id=schedule.original_payment_id,
        date_prelevement=attempt.planned_date.isoformat(),
        retry_attempt_id=str(attempt.id),
        idempotency_key=f"retry:{schedule.id}:{attempt.attempt_number}",
    )
    try:
        payment: Payment = await app.peers.stub(PaymentServiceStub).Retry(request, timeout=_PATIENCE)
    except Unavailable:
        raise
    except grpc.aio.AioRpcError as error:
        if error.code() not in _FINAL:
            raise
        return await _refused(app, attempt, reason_of(error))
    failpoint("retry.after_call")
    return await issues.submit(app, attempt, payment.id)


async def _refused(app: App[Any], attempt: RetryAttempt, reason: str) -> Resultat | None:
    """Note that payments has made nothing for *reason*; None when another day may help (R11)."""
    if reason == DATE_NON_ELIGIBLE:
        async with app.database.transaction() as tx:
            await _free(tx, attempt)
        return None
    return await issues.refuse(app, attempt, reason)


async def _free(tx: Transaction, seen: RetryAttempt) -> None:
    schedule, attempt = await issues.locked(tx, seen)
    if attempt.statut == SCHEDULED:
        await tx.update(attempt, appel_le=None)
        journal.record(
            tx,
            schedule,
            journal.REPLANNED,
            attempt.id,
            avant={"planned_date": attempt.planned_date},
            apres={"motif": DATE_NON_ELIGIBLE},
        )
