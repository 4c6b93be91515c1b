"""Ends of an attempt in a run, one transaction each: submitted, skipped, postponed, refused (R10)."""

import logging
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction, clock
from grpc_utils import found
from service_kit import App

from service_retry import journal, suites
from service_retry.calendrier import Presentation
from service_retry.models import (
    LONGEST_REASON,
    MANDATE_REVOKED,
    MAX_ATTEMPTS_REACHED,
    PAYMENT_SETTLED,
    PRESENTATION_REFUSEE,
    SCHEDULED,
    SKIPPED,
    SUBMITTED,
    RetryAttempt,
    RetryAvis,
    RetrySchedule,
)

_log = logging.getLogger(__name__)

SOUMIS, IGNORE, REPORTE, ECHOUE = "SOUMIS", "IGNORE", "REPORTE", "ECHOUE"
DEJA_REGLEE, MANDAT_ABSENT = "DEJA_REGLEE", "MANDAT_ABSENT"  # refusals of payments
_SENTENCES: Final = {MANDATE_REVOKED: "aucun mandat actif"}


@dataclass(frozen=True, slots=True)
class Resultat:
    """What became of an attempt in a run: *resultat* is one of SOUMIS, IGNORE, REPORTE and ECHOUE."""

    attempt_id: UUID
    resultat: str
    motif: str = ""


def left(attempt_id: UUID, motif: str) -> Resultat:
    """Result of an attempt that is left for the next run because of *motif*."""
    return Resultat(attempt_id, ECHOUE, motif)


async def locked(tx: Transaction, seen: RetryAttempt) -> tuple[RetrySchedule, RetryAttempt]:
    """The schedule and the attempt *seen*, locked in this order, which every writer keeps."""
    schedule = found(await tx.get(RetrySchedule, seen.retry_schedule_id, lock=True))
    return schedule, found(await tx.get(RetryAttempt, seen.id, lock=True))


async def submit(app: App[Any], seen: RetryAttempt, payment_id: str) -> Resultat:
    """Note the new payment of the attempt, and owe the client his notice (R10, R12).

    An attempt whose outcome came first stays as it is.
    """
    async with app.database.transaction() as tx:
        schedule, attempt = await locked(tx, seen)
        if attempt.statut == SCHEDULED:
            await tx.update(attempt, statut=SUBMITTED, payment_id=payment_id, executed_at=clock.now())
            await tx.update(
                schedule,
                current_attempt=attempt.attempt_number,
                next_retry_date=attempt.planned_date,
            )
            apres = {"payment_id": payment_id, "planned_date": attempt.planned_date}
            journal.record(tx, schedule, SUBMITTED, attempt.id, apres=apres)
            if schedule.policy_snapshot["notifier_client"]:
                await tx.insert(RetryAvis(organisation_id=attempt.organisation_id, id=attempt.id))
    return Resultat(attempt.id, SOUMIS)


async def skip(app: App[Any], seen: RetryAttempt, reason: str, *, dry_run: bool) -> Resultat:
    """Present nothing and end the schedule for *reason*, unless somebody has changed the attempt since."""
    if not dry_run:
        async with app.database.transaction() as tx:
            schedule, attempt = await locked(tx, seen)
            if attempt.statut == SCHEDULED and attempt.version == seen.version:
                await _skip(tx, schedule, attempt, reason, reason)
    return Resultat(seen.id, IGNORE, reason)


async def refuse(app: App[Any], seen: RetryAttempt, reason: str) -> Resultat:
    """End the schedule because payments refuses the new debit for *reason*, and tell finance (R10)."""
    resolution = {DEJA_REGLEE: PAYMENT_SETTLED, MANDAT_ABSENT: MANDATE_REVOKED}.get(
        reason, PRESENTATION_REFUSEE
    )
    async with app.database.transaction() as tx:
        schedule, attempt = await locked(tx, seen)
        if attempt.statut == SCHEDULED:
            await _skip(tx, schedule, attempt, resolution, reason or "INTROUVABLE")
            if resolution != PAYMENT_SETTLED:
                await _tell_refusal(tx, schedule, attempt, _SENTENCES.get(resolution, reason))
    return Resultat(seen.id, IGNORE, reason)


async def _tell_refusal(tx: Transaction, schedule: RetrySchedule, attempt: RetryAttempt, cause: str) -> None:
    day = suites.written_date(attempt.planned_date)
    await suites.tell_finance(
        tx,
        schedule,
        "refus",
        titre="Nouvelle présentation refusée",
        message=f"{suites.debit_of(schedule)} ne peut pas être présenté le {day} : {cause}.",
    )


async def _skip(
    tx: Transaction, schedule: RetrySchedule, attempt: RetryAttempt, resolution: str, motif: str
) -> None:
    await tx.update(
        attempt, statut=SKIPPED, erreur=motif[:LONGEST_REASON], resolved_at=clock.now(), appel_le=None
    )
    journal.record(tx, schedule, SKIPPED, attempt.id, apres={"motif": motif})
    if resolution == MAX_ATTEMPTS_REACHED:
        await suites.exhaust(tx, schedule, await journal.attempts_of(tx, schedule.id))
    else:
        await suites.resolve(tx, schedule, resolution, motif)
    _log.info("attempt %s is skipped: %s", attempt.id, motif)


async def postpone(app: App[Any], seen: RetryAttempt, later: Presentation, *, dry_run: bool) -> None:
    """Move the attempt to the days of *later*, because its contract is suspended (R10)."""
    if dry_run:
        return
    async with app.database.transaction() as tx:
        schedule, attempt = await locked(tx, seen)
        if attempt.statut == SCHEDULED and attempt.version == seen.version:
            await move(tx, schedule, attempt, later, journal.POSTPONED, "CONTRAT_SUSPENDU")


async def move(
    tx: Transaction,
    schedule: RetrySchedule,
    attempt: RetryAttempt,
    days: Presentation,
    action: str,
    motif: str,
) -> None:
    """Give *attempt* the days of *days*, and note it as *action*."""
    avant = {"planned_date": attempt.planned_date, "date_remise": attempt.date_remise}
    await tx.update(attempt, planned_date=days.planned_date, date_remise=days.date_remise)
    await tx.update(schedule, next_retry_date=days.planned_date)
    apres = {"planned_date": days.planned_date, "date_remise": days.date_remise, "motif": motif}
    journal.record(tx, schedule, action, attempt.id, avant=avant, apres=apres)
