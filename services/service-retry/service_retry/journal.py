"""The journal of schedules, and the rows of a schedule as the contract shows them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.retry import retry_pb2 as pb
from db_utils import Reader, Transaction
from grpc_utils import caller, to_message
from sqlalchemy import bindparam, select

from service_retry.models import RetryAttempt, RetryAudit, RetrySchedule

CREATED, READ, PLANNED, REPLANNED = "CREATED", "READ", "PLANNED", "REPLANNED"
POSTPONED, CALLED, TECHNICAL_FAILURE = "POSTPONED", "CALLED", "TECHNICAL_FAILURE"
RESOLVED, REOPENED = "RESOLVED", "REOPENED"
NOTICE_QUEUED, NOTICE_SKIPPED = "NOTICE_QUEUED", "NOTICE_SKIPPED"
OURSELVES: Final = "service:retry"  # acteur of what jobs and events change

_ATTEMPTS = (
    select(RetryAttempt)
    .where(RetryAttempt.retry_schedule_id == bindparam("schedule_id"))
    .order_by(RetryAttempt.attempt_number)
)
_LINES = (
    select(RetryAudit)
    .where(RetryAudit.retry_schedule_id == bindparam("schedule_id"))
    .order_by(RetryAudit.at, RetryAudit.id)
)


def acteur() -> str:
    """Who is noted as the author of a change: whoever calls, else this service."""
    try:
        return caller().author
    except LookupError:
        return OURSELVES


def record(
    tx: Transaction,
    schedule: RetrySchedule,
    action: str,
    attempt_id: UUID | None = None,
    *,
    avant: Mapping[str, Any] | None = None,
    apres: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the journal of *schedule*, with the commit of *tx*."""
    line = RetryAudit(
        organisation_id=schedule.organisation_id,
        retry_schedule_id=schedule.id,
        retry_attempt_id=attempt_id,
        action=action,
        avant=_told(avant),
        apres=_told(apres),
        acteur=acteur(),
    )
    tx.insert_at_commit(line)


def _told(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: _text(value) for name, value in values.items() if value not in (None, "")}


def _text(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value


async def attempts_of(reader: Reader, schedule_id: UUID) -> Sequence[RetryAttempt]:
    """The attempts of the schedule, the first one first."""
    return await reader.all(_ATTEMPTS, schedule_id=schedule_id)


async def as_message(reader: Reader, schedule: RetrySchedule, *, journal: bool = False) -> pb.RetrySchedule:
    """*schedule* with its attempts and, if asked for, its *journal*."""
    attempts = await attempts_of(reader, schedule.id)
    lines = await reader.all(_LINES, schedule_id=schedule.id) if journal else ()
    return to_message(
        schedule,
        pb.RetrySchedule,
        attempts=[to_message(attempt, pb.RetryAttempt) for attempt in attempts],
        journal=[to_message(line, pb.RetryAuditLine) for line in lines],
    )
