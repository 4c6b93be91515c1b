"""Days on which people may be reminded, as the calendar service knows them (R5).

While it is away only Saturdays and Sundays are known: days chosen then are marked, and asked for again.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import grpc
from crm.calendar.calendar_pb2 import AddBusinessDaysRequest, CheckDateEligibilityRequest
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceStub
from db_utils import Scope, clock, scope, within
from grpc_utils.errors import Unavailable
from service_kit import AGAIN, App, Worker
from sqlalchemy import bindparam, select, update

from service_relance.models import PLANIFIEE, Relance
from service_relance.rules import Jour, after, without_calendar

_log = logging.getLogger(__name__)

_SIDE_BY_SIDE = 8  # questions
_REMEMBERED = 60.0  # seconds
_MOST_REMEMBERED = 10_000  # answers
_day, _instant = Relance.date_prevue.type, Relance.updated_at.type
_marked = (Relance.a_recalculer, Relance.statut == PLANIFIEE)
_ORGANISATIONS = select(Relance.organisation_id).where(*_marked).distinct()
_MARKED = select(Relance.societe_id, Relance.date_prevue).where(*_marked).distinct()
_CONFIRM = (
    update(Relance)
    .where(
        *_marked,
        Relance.societe_id == bindparam("societe_id"),
        Relance.date_prevue == bindparam("expected", type_=_day),
    )
    .values(
        date_prevue=bindparam("day", type_=_day),
        a_recalculer=False,
        updated_at=bindparam("now", type_=_instant),
        version=Relance.version + 1,
    )
)


async def eligible(app: App[Any], societe_id: str, day: date) -> Jour:
    """Return *day*, or the next day on which people may be reminded, in the organisation of the scope."""
    calendar = app.peers.stub(CalendarEngineServiceStub)
    request = CheckDateEligibilityRequest(date=day.isoformat(), societe_id=societe_id)
    try:
        answer = await calendar.CheckDateEligibility(request)
    except (Unavailable, grpc.aio.AioRpcError) as error:
        return without_calendar(day, final=_is_final(error))
    if answer.is_eligible:
        return Jour(day)
    following = answer.next_eligible_date
    return Jour(date.fromisoformat(following)) if following else without_calendar(day, final=True)


async def plus_business_days(app: App[Any], societe_id: str, day: date, days: int) -> Jour:
    """Return the eligible day so many eligible days after *day*, in the organisation of the scope."""
    calendar = app.peers.stub(CalendarEngineServiceStub)
    request = AddBusinessDaysRequest(date=day.isoformat(), days=days, societe_id=societe_id)
    try:
        return Jour(date.fromisoformat((await calendar.AddBusinessDays(request)).date))
    except (Unavailable, grpc.aio.AioRpcError) as error:
        final = _is_final(error)
    day = without_calendar(day, final=final).date if days == 0 else day
    for _ in range(days):
        day = without_calendar(after(day, 1), final=final).date
    return Jour(day, a_recalculer=not final)


def _is_final(error: Unavailable | grpc.aio.AioRpcError) -> bool:
    """Whether the calendar will never tell: it knows the years 2000 to 2099 alone."""
    if isinstance(error, Unavailable):
        _log.warning("a day is chosen without the calendar: %s", error.reason)
        return False
    if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
        return True
    _log.error("a day is chosen without the calendar: %s", error.code().name)
    return False


class Agenda:
    """Answers of the calendar that a process remembers for a minute.

    Invoices of one run are due on the same days: without it each of them would ask for each level.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._known: dict[tuple[str | None, str, date], tuple[float, Jour]] = {}

    async def day(self, societe_id: str, day: date) -> Jour:
        """Return what `eligible` does, asked a minute ago at the earliest."""
        key, now = (scope.get().organisation_id, societe_id, day), clock.timestamp()
        asked_at, jour = self._known.get(key, (-_REMEMBERED, None))
        if jour is None or abs(now - asked_at) >= _REMEMBERED:
            jour = await eligible(self._app, societe_id, day)
            if not jour.a_recalculer:
                self._remember(key, now, jour)
        return jour

    def _remember(self, key: tuple[str | None, str, date], now: float, jour: Jour) -> None:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = now, jour


async def eligible_days(app: App[Any], societe_id: str, days: Iterable[date]) -> Mapping[date, Jour]:
    """Ask for several *days* of plans side by side, as `eligible` does for one."""
    agenda, slots = app.part(Agenda), asyncio.Semaphore(_SIDE_BY_SIDE)

    async def asked(day: date) -> Jour:
        async with slots:
            return await agenda.day(societe_id, day)

    wanted = sorted(set(days))
    return dict(zip(wanted, await asyncio.gather(*map(asked, wanted)), strict=True))


async def recompute_marked(app: App[Any]) -> object:
    """Have the calendar confirm or move the planned days that were chosen without it (R5).

    Returns AGAIN while the calendar is away.
    """
    for organisation_id in await app.database.read().all(_ORGANISATIONS):
        with within(Scope(organisation_id)):
            for societe_id, day in await app.database.read().all(_MARKED):
                found = await eligible(app, societe_id, day)
                if found.a_recalculer:
                    return AGAIN  # the calendar is still away: it would be for the others, too
                await _confirm(app, societe_id, day, found.date)
    return None


async def _confirm(app: App[Any], societe_id: str, expected: date, day: date) -> None:
    async with app.database.transaction() as tx:
        await tx.execute(_CONFIRM, societe_id=societe_id, expected=expected, day=day, now=clock.now())


RECALCUL = Worker("recalcul", recompute_marked, every=timedelta(hours=1))
