"""Job of every five minutes that asks what a silent service did not tell when it was needed (R8, R9)."""

import logging
from datetime import timedelta
from typing import Any, Final

from db_utils import Scope, Transaction, within
from grpc_utils import found
from service_kit import AGAIN, App, Worker
from sqlalchemy import exists, or_, select

from service_retry import creation, journal, outcomes, paiements, rules, suites
from service_retry.calendrier import SILENT, suite
from service_retry.creation import Projet
from service_retry.models import SCHEDULED, SUBMITTED, RetryAttempt, RetrySchedule
from service_retry.outcomes import REJECTED, Outcome
from service_retry.paiements import Rejet
from service_retry.policy_rules import Snapshot

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 100
_EVERY: Final = timedelta(minutes=5)
_open_attempt = (
    exists()
    .where(RetryAttempt.retry_schedule_id == RetrySchedule.id)
    .where(or_(RetryAttempt.statut == SCHEDULED, RetryAttempt.statut == SUBMITTED))
)
_is_unplanned = (~RetrySchedule.is_resolved, RetrySchedule.next_retry_date.is_(None), ~_open_attempt)
_ORGANISATIONS = select(RetrySchedule.organisation_id).where(*_is_unplanned).distinct()
_UNPLANNED = select(RetrySchedule).where(*_is_unplanned).order_by(RetrySchedule.created_at).limit(_AT_ONCE)


async def plan_waiting(app: App[Any]) -> object:
    """Read at payments what was not read, then plan what the calendar did not tell (a job)."""
    for organisation_id in await app.database.read().all(_ORGANISATIONS):
        with within(Scope(organisation_id)):
            for schedule in await app.database.read().all(_UNPLANNED):
                try:
                    await _go_on(app, schedule)
                except SILENT as error:
                    _log.warning("schedule %s waits: %r", schedule.id, error)
                    break  # the others of this organisation would wait in vain, too
    return AGAIN if await app.database.read().all(_ORGANISATIONS) else None


async def _go_on(app: App[Any], schedule: RetrySchedule) -> None:
    if schedule.a_lire:
        await _read(app, schedule)
        return
    attempts = await journal.attempts_of(app.database.read(), schedule.id)
    following = await suite(
        app,
        schedule.societe_id,
        Snapshot.read(schedule.policy_snapshot),
        schedule.rejection_date,
        rules.next_number(attempts),
    )
    async with app.database.transaction() as tx:
        mine = found(await tx.get(RetrySchedule, schedule.id, lock=True))
        await suites.follow(tx, mine, following)


async def _read(app: App[Any], schedule: RetrySchedule) -> None:
    """Read the payment of a schedule that was made of its event alone, and decide about it (R9)."""
    known = await paiements.payment(app, schedule.original_payment_id)
    if known is None:
        rejet = _as_told(schedule)
    else:
        rejet = paiements.rejet_of_payment(known, schedule.rejection_code, schedule.rejection_date)
    attempt = await creation.attempt_of(app.database.read(), rejet.payment_id, rejet.retry_attempt_id)
    if attempt is not None:
        outcome = Outcome(rejet.payment_id, REJECTED, rejet.jour, rejet.code)
        brings = await outcomes.effet(app, attempt, outcome)
        async with app.database.transaction() as tx:
            await _remove(tx, schedule)
            await outcomes.apply(tx, attempt, outcome, brings)
        return
    decided = await creation.projet(app, rejet)
    async with app.database.transaction() as tx:
        await _decide(tx, schedule, rejet, decided)


async def _remove(tx: Transaction, seen: RetrySchedule) -> None:
    """Remove a schedule whose debit proves to be that of an attempt (R9)."""
    schedule = await tx.get(RetrySchedule, seen.id, lock=True)
    if schedule is not None and schedule.a_lire:
        await tx.delete(schedule)


async def _decide(tx: Transaction, seen: RetrySchedule, rejet: Rejet, decided: Projet) -> None:
    schedule = await tx.get(RetrySchedule, seen.id, lock=True)
    if schedule is not None and schedule.a_lire and not schedule.is_resolved:
        await creation.reread(tx, schedule, rejet, decided)


def _as_told(schedule: RetrySchedule) -> Rejet:
    """The rejection as its event told it, of a payment that payments does not know (R9)."""
    return Rejet(
        payment_id=schedule.original_payment_id,
        organisation_id=schedule.organisation_id,
        client_id=schedule.client_id,
        code=schedule.rejection_code,
        jour=schedule.rejection_date,
        montant=schedule.montant,
        societe_id=schedule.societe_id,
        schedule_id=schedule.schedule_id or "",
        facture_id=schedule.facture_id or "",
        contrat_id=schedule.contrat_id or "",
        moyen=paiements.SEPA_DEBIT,
    )


PLANIFICATION: Final = Worker("planification", plan_waiting, every=_EVERY)
