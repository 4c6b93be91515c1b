"""Days that calendar is asked for: when banks stop to send debits back, and on which one can be presented."""

import logging
from datetime import date, timedelta
from typing import Any, Final

import grpc
from crm.calendar.calendar_pb2 import AddBusinessDaysRequest, CheckDateEligibilityRequest
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceStub
from grpc_utils.errors import Refusal
from service_kit import App

from service_payments import r_types

_log = logging.getLogger(__name__)

_A_WEEK: Final = timedelta(days=7)  # five banking days without a holiday


async def business_day(app: App[Any], organisation_id: str, societe_id: str, day: date, days: int) -> date:
    """Return the eligible day so many eligible days after *day*. Raises Unavailable."""
    request = AddBusinessDaysRequest(
        organisation_id=organisation_id, date=day.isoformat(), days=days, societe_id=societe_id
    )
    answer = await app.peers.stub(CalendarEngineServiceStub).AddBusinessDays(request)
    return date.fromisoformat(answer.date)


async def eligible(app: App[Any], organisation_id: str, societe_id: str, day: date) -> bool:
    """Tell whether a debit can be made on *day*. Raises Unavailable."""
    request = CheckDateEligibilityRequest(
        organisation_id=organisation_id, date=day.isoformat(), societe_id=societe_id
    )
    answer = await app.peers.stub(CalendarEngineServiceStub).CheckDateEligibility(request)
    return bool(answer.is_eligible)


async def last_return(app: App[Any], organisation_id: str, societe_id: str, due: date) -> date:
    """Return the last day on which a bank sends a debit back by itself, without the calendar if it is away.

    It only tells the kind of a return, which people read (R19): nobody waits for it.
    """
    try:
        return await business_day(app, organisation_id, societe_id, due, r_types.RETURN_DAYS)
    except (Refusal, grpc.aio.AioRpcError) as error:
        _log.warning("the kind of a return is told without the calendar: %s", error)
        return due + _A_WEEK
