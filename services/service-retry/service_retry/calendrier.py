"""Days of presentations, which the calendar service alone knows (R5, R7, R11). No day is ever guessed."""

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import grpc
from crm.calendar.calendar_pb2 import AddBusinessDaysRequest, CheckDateEligibilityRequest
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceStub
from db_utils import clock
from grpc_utils import reason_of
from grpc_utils.errors import Unavailable
from service_kit import App

from service_retry import rules
from service_retry.policy_rules import Snapshot

_log = logging.getLogger(__name__)

SILENT: Final = (Unavailable, grpc.aio.AioRpcError)  # of a callee that does not tell


@dataclass(frozen=True, slots=True)
class Presentation:
    """Day of a debit, and the day on which it goes to the bank."""

    planned_date: date
    date_remise: date


@dataclass(frozen=True, slots=True)
class Suite:
    """What follows in a schedule: attempt *number*, on the days of *presentation*.

    Without a presentation the calendar did not tell, unless nothing may follow (*is_exhausted*).
    """

    number: int
    presentation: Presentation | None = None
    is_exhausted: bool = False


async def business_days(app: App[Any], societe_id: str, day: date, days: int) -> date:
    """The eligible day so many eligible days after *day*; with 0, *day* itself or the next eligible one.

    Raises what SILENT names.
    """
    calendar = app.peers.stub(CalendarEngineServiceStub)
    request = AddBusinessDaysRequest(date=day.isoformat(), days=days, societe_id=societe_id)
    return date.fromisoformat((await calendar.AddBusinessDays(request)).date)


async def presentation(
    app: App[Any], societe_id: str, snapshot: Snapshot, base: date, today: date
) -> Presentation:
    """The first eligible day from *base* on that is still reached *today* (R5). Raises what SILENT names."""
    earliest = await business_days(app, societe_id, today, snapshot.delai_remise)
    return await presentation_from(app, societe_id, snapshot, max(base, earliest))


async def presentation_from(app: App[Any], societe_id: str, snapshot: Snapshot, day: date) -> Presentation:
    """The first eligible day from *day* on, with its remise. Raises what SILENT names."""
    planned = await business_days(app, societe_id, day, 0)
    remise = await business_days(app, societe_id, planned, -snapshot.delai_remise)
    return Presentation(planned, remise)


async def suite(app: App[Any], societe_id: str, snapshot: Snapshot, rejected_on: date, number: int) -> Suite:
    """What follows when attempt *number* is due to be planned today (R5, R6, R7, R8)."""
    if number > snapshot.max_attempts:
        return Suite(number, is_exhausted=True)
    base = rules.base(rejected_on, snapshot, number)
    try:
        found = await presentation(app, societe_id, snapshot, base, clock.today())
    except SILENT as error:
        _log.warning("attempt %d waits for the calendar: %s", number, reason_of(error))
        return Suite(number)
    if found.planned_date > rules.last_day(rejected_on, snapshot):
        return Suite(number, is_exhausted=True)
    return Suite(number, found)


async def day_of_remise(app: App[Any], societe_id: str) -> date:
    """The first day on which payments still emits what it is asked for now (R11).

    Raises what SILENT names.
    """
    now, today = clock.now(), clock.today()
    if not rules.has_begun(now, rules.LAST_EMISSION):
        return today
    return await business_days(app, societe_id, today, 1)


async def last_until(app: App[Any], societe_id: str, limit: date) -> date:
    """The last eligible day until *limit*. Raises what SILENT names."""
    calendar = app.peers.stub(CalendarEngineServiceStub)
    request = CheckDateEligibilityRequest(date=limit.isoformat(), societe_id=societe_id)
    answer = await calendar.CheckDateEligibility(request)
    return limit if answer.is_eligible else date.fromisoformat(answer.previous_eligible_date)
