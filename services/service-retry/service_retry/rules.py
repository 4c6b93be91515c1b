"""Rules of schedules and attempts as pure functions: days, transitions, what requests may say."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from db_utils.clock import PARIS
from grpc_utils import at_most, required
from grpc_utils.errors import InvalidArgument
from service_kit import rejets

from service_retry.models import (
    CANCELLED,
    CONTRACT_CANCELLED,
    ELIGIBLE,
    FAILED,
    MANDATE_REVOKED,
    MAX_ATTEMPTS_REACHED,
    NOT_ELIGIBLE_CONTRACT_CANCELLED,
    NOT_ELIGIBLE_MANDATE_REVOKED,
    NOT_ELIGIBLE_MANUAL_CANCEL,
    NOT_ELIGIBLE_MAX_ATTEMPTS,
    NOT_ELIGIBLE_PAYMENT_SETTLED,
    NOT_ELIGIBLE_REASON_CODE,
    PAYMENT_SETTLED,
    PRESENTATION_REFUSEE,
    RETRY_SUCCEEDED,
    SCHEDULED,
    SKIPPED,
    SUBMITTED,
    SUCCEEDED,
    RetryAttempt,
)
from service_retry.policy_rules import Snapshot

_LONGEST_CODE, _OLDEST = 35, timedelta(days=400)
POSTPONEMENT: Final = timedelta(days=7)  # of a suspended contract (R10)
REMISES_FROM: Final = time(10)  # Paris: an hour before the last emission of payments (R10)
LAST_EMISSION: Final = time(11)  # Paris: what is asked for later is emitted on the next eligible day (R11)
RECONCILED_FROM: Final = time(9, 30)  # Paris (R17)
UNHEARD_DAYS: Final = 6  # eligible days after which a debit has been heard of (R17)

_TRANSITIONS: Final = frozenset(
    {
        (SCHEDULED, SUBMITTED),
        (SCHEDULED, SKIPPED),
        (SCHEDULED, CANCELLED),
        (SUBMITTED, SUCCEEDED),
        (SUBMITTED, FAILED),
        (SUBMITTED, CANCELLED),
        (SUCCEEDED, FAILED),  # R18
    }
)
_ELIGIBILITIES: Final[Mapping[str, str]] = {
    RETRY_SUCCEEDED: ELIGIBLE,
    MAX_ATTEMPTS_REACHED: NOT_ELIGIBLE_MAX_ATTEMPTS,
    PAYMENT_SETTLED: NOT_ELIGIBLE_PAYMENT_SETTLED,
    CONTRACT_CANCELLED: NOT_ELIGIBLE_CONTRACT_CANCELLED,
    MANDATE_REVOKED: NOT_ELIGIBLE_MANDATE_REVOKED,
    PRESENTATION_REFUSEE: ELIGIBLE,
    NOT_ELIGIBLE_REASON_CODE: NOT_ELIGIBLE_REASON_CODE,
    NOT_ELIGIBLE_MANUAL_CANCEL: NOT_ELIGIBLE_MANUAL_CANCEL,
}


class DateRejetInvalide(InvalidArgument):
    """La date du rejet ne peut être ni future ni vieille de plus de 400 jours."""


def code_of(motif_rejet: str) -> str:
    """The normal code in *motif_rejet* (R2). Raises ChampRequis, TropLong."""
    return at_most(required(rejets.normal_code(motif_rejet), "motif_rejet"), _LONGEST_CODE, "motif_rejet")


def rejection_day(day: date, today: date) -> date:
    """Return *day*, on which a debit may have been rejected. Raises DateRejetInvalide."""
    if not today - _OLDEST <= day <= today:
        raise DateRejetInvalide(champ="date_rejet")
    return day


def base(rejected_on: date, snapshot: Snapshot, number: int) -> date:
    """The day from which attempt *number* is looked for (R5)."""
    return rejected_on + timedelta(days=snapshot.retry_delays_days[number - 1])


def last_day(rejected_on: date, snapshot: Snapshot) -> date:
    """The last day on which an attempt may be planned (R7)."""
    return rejected_on + timedelta(days=snapshot.max_total_days)


def has_begun(now: datetime, at: time) -> bool:
    """Whether the hour *at* of Paris has come on the day of *now*."""
    return now.astimezone(PARIS).time() >= at


def instant_of(day: date, at: time) -> datetime:
    """The instant of *day* at which the hour *at* of Paris comes."""
    return datetime.combine(day, at, PARIS)


def may_become(statut: str, other: str) -> bool:
    """Whether an attempt may go from *statut* to *other*."""
    return (statut, other) in _TRANSITIONS


def is_open(attempt: RetryAttempt) -> bool:
    """Whether *attempt* is still to be decided."""
    return attempt.statut in (SCHEDULED, SUBMITTED)


def is_called(attempt: RetryAttempt) -> bool:
    """Whether payments was asked for *attempt* and may have made its payment (R11)."""
    return attempt.statut == SUBMITTED or (attempt.statut == SCHEDULED and attempt.appel_le is not None)


def next_number(attempts: Sequence[RetryAttempt]) -> int:
    """The number of the attempt that follows *attempts* (R6)."""
    return max((attempt.attempt_number for attempt in attempts), default=0) + 1


def eligibility_of(resolution: str) -> str:
    """The eligibility of a schedule that is resolved for the reason *resolution*."""
    return _ELIGIBILITIES[resolution]
