"""Daily job that asks payments about attempts of which nothing was heard (R17)."""

import logging
from datetime import date, timedelta
from typing import Any, Final

from db_utils import Scope, clock, within
from service_kit import AGAIN, App, Worker
from sqlalchemy import Date, bindparam, select

from service_retry import outcomes, paiements, rules
from service_retry.calendrier import SILENT, business_days
from service_retry.models import SUBMITTED, RetryAttempt, RetrySchedule

_log = logging.getLogger(__name__)

_EVERY: Final = timedelta(minutes=5)
_is_unheard = (
    RetryAttempt.statut == SUBMITTED,
    RetryAttempt.planned_date < bindparam("jour", type_=Date),
)
_ORGANISATIONS = select(RetryAttempt.organisation_id).where(*_is_unheard).distinct()
_UNHEARD = select(RetryAttempt).where(*_is_unheard).order_by(RetryAttempt.planned_date, RetryAttempt.id)


class _Passages:
    """Days on which each organisation was last done, in the memory of this process."""

    def __init__(self, app: App[Any]) -> None:
        self.done: dict[str, date] = {}


async def reconcile(app: App[Any]) -> object:
    """Ask about the attempts of each organisation, once a day from 09:30 on; what was left is asked again."""
    if not rules.has_begun(clock.now(), rules.RECONCILED_FROM):
        return None
    left, done, today = None, app.part(_Passages).done, clock.today()
    for organisation_id in await app.database.read().all(_ORGANISATIONS, jour=today):
        if done.get(organisation_id) == today:
            continue
        with within(Scope(organisation_id)):
            try:
                await _reconcile(app, today)
            except SILENT as error:
                _log.warning("reconciliation of %s waits: %r", organisation_id, error)
                left = AGAIN
                continue
        done[organisation_id] = today
    return left


async def _reconcile(app: App[Any], today: date) -> None:
    """Apply what payments knows of the attempts of an organisation. Raises what SILENT names."""
    unheard_since = dict[str, date]()
    for attempt in await app.database.read().all(_UNHEARD, jour=today):
        schedule = await app.database.read().get(RetrySchedule, attempt.retry_schedule_id)
        if schedule is None or attempt.payment_id is None:
            continue
        societe_id = schedule.societe_id
        if societe_id not in unheard_since:
            unheard_since[societe_id] = await business_days(app, societe_id, today, -rules.UNHEARD_DAYS)
        if attempt.planned_date < unheard_since[societe_id]:
            await _ask(app, attempt, attempt.payment_id)


async def _ask(app: App[Any], attempt: RetryAttempt, payment_id: str) -> None:
    known = await paiements.payment(app, payment_id)
    if known is None:
        _log.error("payments does not know payment %s of attempt %s", payment_id, attempt.id)
        return
    outcome = outcomes.outcome_of(known)
    if outcome is not None:
        brings = await outcomes.effet(app, attempt, outcome)
        async with app.database.transaction() as tx:
            await outcomes.apply(tx, attempt, outcome, brings)


RECONCILIATION: Final = Worker("reconciliation", reconcile, every=_EVERY)
