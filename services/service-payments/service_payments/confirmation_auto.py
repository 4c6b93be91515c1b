"""Debits of which no bank has said anything bad in time are taken for paid (R18), at 05:00 in Paris.

A bank sends a debit back within five banking days; who imports returns only never sees a credit. What
was missed is made good by the next run.
"""

import logging
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import grpc
from db_utils import Scope, Worker, clock, within
from db_utils.clock import PARIS
from grpc_utils.errors import Refusal
from service_kit import AGAIN, App
from sqlalchemy import bindparam, func, select

from service_payments import calendrier
from service_payments.issues import issues
from service_payments.models import SEPA_DEBIT, SUBMITTED, Payment
from service_payments.sepa_models import CONFIRMATION_JOURS, Creancier
from service_payments.verrous import locked

_log = logging.getLogger(__name__)

CONFIRMATION_AUTO: Final = "CONFIRMATION_AUTO"  # cause
_HOUR: Final = time(5)
_BATCH: Final = 500  # payments of one transaction
_days = func.coalesce(Creancier.confirmation_auto_jours_ouvres, CONFIRMATION_JOURS)
_GROUPS = (
    select(Payment.organisation_id, Payment.societe_id, Payment.date_prelevement, _days)
    .outerjoin(
        Creancier,
        (Creancier.organisation_id == Payment.organisation_id) & (Creancier.societe_id == Payment.societe_id),
    )
    .where(
        Payment.statut == SUBMITTED,
        Payment.moyen == SEPA_DEBIT,
        Payment.date_prelevement < bindparam("today", type_=Payment.date_prelevement.type),
        _days > 0,
    )
    .distinct()
)
_MEMBERS = (
    select(Payment.id)
    .where(
        Payment.organisation_id == bindparam("organisation_id"),
        Payment.societe_id == bindparam("societe_id"),
        Payment.date_prelevement == bindparam("due", type_=Payment.date_prelevement.type),
        Payment.statut == SUBMITTED,
        Payment.moyen == SEPA_DEBIT,
    )
    .order_by(Payment.id)
    .limit(_BATCH)
)


def working_day(now: datetime) -> date:
    """Return the day whose run has come: that of *now* from 05:00 on, before it the one of yesterday."""
    local = now.astimezone(PARIS)
    return local.date() if local.time() >= _HOUR else local.date() - timedelta(days=1)


async def confirm_silent(app: App[Any]) -> object:
    """Settle the debits whose time for a return has passed."""
    today = working_day(clock.now())
    statement: Any = _GROUPS
    groups: list[tuple[str, str, date, int]] = await app.database.read().all(statement, today=today)
    left = None
    for organisation_id, societe_id, due, days in groups:
        # Business days are never fewer than days: a debit that is too young needs no calendar.
        if today > due + timedelta(days=days):
            with within(Scope(organisation_id)):
                if not await _confirm_due(app, organisation_id, societe_id, due, days, today):
                    left = AGAIN
    return left


async def _confirm_due(
    app: App[Any], organisation_id: str, societe_id: str, due: date, days: int, today: date
) -> bool:
    """Settle the debits of a day; return False while the calendar cannot be asked."""
    try:
        last = await calendrier.business_day(app, organisation_id, societe_id, due, days)
    except Refusal as error:
        _log.warning("the confirmation of %s/%s waits: %s", organisation_id, societe_id, error.reason)
        return False
    except grpc.aio.AioRpcError as error:
        _log.error("the confirmation of %s/%s waits: %s", organisation_id, societe_id, error.code().name)
        return False
    place = {"organisation_id": organisation_id, "societe_id": societe_id, "due": due}
    while today > last and (ids := await app.database.read().all(_MEMBERS, **place)):
        if not await _confirm(app, ids, due):
            break  # what is left was settled by somebody else meanwhile
    return True


async def _confirm(app: App[Any], ids: list[UUID], due: date) -> int:
    async with app.database.transaction() as tx:
        payments = [one for one in await locked(tx, ids) if one.statut == SUBMITTED]
        async with issues(tx) as outcome:
            for payment in payments:
                await outcome.paid(payment, due, cause=CONFIRMATION_AUTO)
    return len(payments)


CONFIRMER: Final = Worker("confirmer", confirm_silent, every=timedelta(minutes=5))
