"""Schedules of rejected debits: what is asked before one is made, and its making (R8, R9)."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from db_utils import Reader, Transaction, clock, parse_uuid
from service_kit import App
from sqlalchemy import String, bindparam, or_, select

from service_retry import codes, journal, paiements, suites
from service_retry.calendrier import Suite, suite
from service_retry.models import (
    ELIGIBLE,
    NOT_ELIGIBLE_REASON_CODE,
    RetryAttempt,
    RetrySchedule,
)
from service_retry.paiements import Rejet
from service_retry.policies import policy_for
from service_retry.policy_rules import Snapshot, policy_id, snapshot_of

MOYEN: Final = "moyen"  # the reason that a payment of other means than SEPA_DEBIT is not presented again

_OF_PAYMENT = select(RetryAttempt).where(
    or_(
        RetryAttempt.payment_id == bindparam("payment_id", type_=String),
        RetryAttempt.id == bindparam("attempt_id", type_=RetryAttempt.id.type),
    )
)
_SCHEDULE = select(RetrySchedule).where(
    RetrySchedule.original_payment_id == bindparam("payment_id", type_=String)
)


@dataclass(frozen=True, slots=True)
class Projet:
    """What is decided about a rejected debit: its policy, why it is not presented again, what follows."""

    policy_id: UUID | None
    snapshot: Snapshot
    obstacle: str | None = None
    suite: Suite | None = None


async def attempt_of(reader: Reader, payment_id: str, retry_attempt_id: str = "") -> RetryAttempt | None:
    """The attempt whose payment this is, None for the payment of no attempt (R9).

    An attempt that has another payment already is not meant by its id.
    """
    attempt_id = parse_uuid(retry_attempt_id) if retry_attempt_id else None
    for attempt in await reader.all(_OF_PAYMENT, payment_id=payment_id, attempt_id=attempt_id):
        if attempt.payment_id in (None, payment_id):
            return attempt
    return None


async def schedule_of(reader: Reader, payment_id: str) -> RetrySchedule | None:
    """The schedule of the rejected payment, None when there is none."""
    found = await reader.all(_SCHEDULE, payment_id=payment_id)
    return found[0] if found else None


async def projet(app: App[Any], rejet: Rejet) -> Projet:
    """Decide about *rejet* in the organisation of the scope (R1, R2, R3, R9). Raises what payments raises.

    While the payment could not be read (`a_lire`) nothing is asked: the job decides again.
    """
    policy = await policy_for(app.database.read(), rejet.societe_id)
    if rejet.a_lire:
        return Projet(policy_id(policy), snapshot_of(policy, paiements.DELAI_REMISE))
    snapshot = snapshot_of(policy, await paiements.delai_remise(app, rejet.societe_id))
    why_not = obstacle(rejet, snapshot)
    if why_not:
        return Projet(policy_id(policy), snapshot, why_not)
    following = await suite(app, rejet.societe_id, snapshot, rejet.jour, 1)
    return Projet(policy_id(policy), snapshot, None, following)


def obstacle(rejet: Rejet, snapshot: Snapshot) -> str | None:
    """Why the debit is not presented again, None when it may be (R1, R2, R9)."""
    if rejet.moyen != paiements.SEPA_DEBIT:
        return MOYEN
    return codes.obstacle(rejet.code, snapshot.retryable_codes)


async def create(tx: Transaction, rejet: Rejet, decided: Projet) -> RetrySchedule | None:
    """Make the schedule of *rejet*; None when the payment has one (R9)."""
    schedule = new_schedule(rejet, decided)
    if not await tx.insert_if_absent(schedule):
        return None
    await _begin(tx, schedule, decided, journal.CREATED)
    return schedule


async def reread(tx: Transaction, schedule: RetrySchedule, rejet: Rejet, decided: Projet) -> None:
    """Decide about *schedule*, made while payments was away and locked by *tx*, now that it answers (R9)."""
    fresh = new_schedule(rejet, decided)
    columns = (*_READ, "eligibility", "eligibility_reason", "policy_id", "policy_snapshot", "max_attempts")
    await tx.update(
        schedule,
        a_lire=False,
        is_resolved=fresh.is_resolved,
        resolution_reason=fresh.resolution_reason,
        resolved_at=fresh.resolved_at,
        **{name: getattr(fresh, name) for name in columns},
    )
    await _begin(tx, schedule, decided, journal.READ)


_READ: Final = ("societe_id", "schedule_id", "facture_id", "contrat_id", "montant", "date_prelevement")


def new_schedule(rejet: Rejet, decided: Projet) -> RetrySchedule:
    """The row of *rejet* as it was *decided* (R9)."""
    is_over = decided.obstacle is not None
    return RetrySchedule(
        organisation_id=rejet.organisation_id,
        societe_id=rejet.societe_id,
        original_payment_id=rejet.payment_id,
        schedule_id=rejet.schedule_id or None,
        facture_id=rejet.facture_id or None,
        contrat_id=rejet.contrat_id or None,
        client_id=rejet.client_id,
        rejection_code=rejet.code,
        rejection_date=rejet.jour,
        montant=rejet.montant,
        date_prelevement=rejet.date_prelevement,
        policy_id=decided.policy_id,
        policy_snapshot=decided.snapshot.stored(),
        eligibility=NOT_ELIGIBLE_REASON_CODE if is_over else ELIGIBLE,
        eligibility_reason=decided.obstacle,
        max_attempts=decided.snapshot.max_attempts,
        is_resolved=is_over,
        resolution_reason=NOT_ELIGIBLE_REASON_CODE if is_over else None,
        resolved_at=clock.now() if is_over else None,
        a_lire=rejet.a_lire,
    )


async def _begin(tx: Transaction, schedule: RetrySchedule, decided: Projet, action: str) -> None:
    """Plan the first attempt of a schedule that is decided about, and note all of it in one line."""
    apres: dict[str, Any] = {
        "rejection_code": schedule.rejection_code,
        "eligibility": schedule.eligibility,
        "eligibility_reason": schedule.eligibility_reason,
    }
    following, attempt = decided.suite, None
    if following is not None and following.presentation is not None:
        attempt = await tx.insert(suites.new_attempt(schedule, following.number, following.presentation))
        await tx.update(schedule, next_retry_date=attempt.planned_date)
        apres |= {"planned_date": attempt.planned_date, "date_remise": attempt.date_remise}
    journal.record(tx, schedule, action, attempt.id if attempt else None, apres=apres)
    if following is not None and following.is_exhausted:
        await suites.exhaust(tx, schedule, ())
