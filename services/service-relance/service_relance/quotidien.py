"""Daily job that plans what no event causes, organisation by organisation (R22, R24).

It begins at 07:00 in Paris and looks every hour for what is left: an organisation for which a service
was away is done within the hour. What each part plans is in `fins_de_contrat.py` and `inactifs.py`.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import grpc
from db_utils import Scope, clock, within
from grpc_utils.errors import Unavailable
from service_kit import AGAIN, App, Worker
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance.fins_de_contrat import plan_ends
from service_relance.inactifs import plan_inactive
from service_relance.models import INACTIVITE_CLIENT, RegleRelance
from service_relance.quotidien_rules import STATUTS, has_begun

_log = logging.getLogger(__name__)

_WITH_RULES = (
    select(RegleRelance.organisation_id)
    .where(
        RegleRelance.declencheur == any_(bindparam("declencheurs", type_=ARRAY(String))), RegleRelance.actif
    )
    .distinct()
)

Part = Callable[[App[Any]], Awaitable[None]]


class Passages:
    """Days on which the parts of the job were last done, in the memory of this process.

    A restart forgets them: the day's work is done again, and plans nothing a second time.
    """

    def __init__(self, app: App[Any]) -> None:
        self.done: dict[tuple[str, str], date] = {}


async def plan_daily(app: App[Any]) -> object:
    """Plan the reminders about ends of contracts, then those about inactive clients.

    Returns AGAIN when a service was away.
    """
    if not has_begun(clock.now()):
        return None
    contrats = await _in_each_organisation(app, "contrats", list(STATUTS), plan_ends)
    inactifs = await _in_each_organisation(app, "inactifs", [INACTIVITE_CLIENT], plan_inactive)
    return contrats or inactifs


async def _in_each_organisation(app: App[Any], name: str, declencheurs: list[str], part: Part) -> object:
    """Do *part* for every organisation with an active rule for *declencheurs* that waits for it today."""
    done, today = app.part(Passages).done, clock.today()
    for organisation_id in await app.database.read().all(_WITH_RULES, declencheurs=declencheurs):
        if done.get((name, organisation_id)) == today:
            continue
        with within(Scope(organisation_id)):
            try:
                await part(app)
            except Unavailable as error:
                # one call has waited in vain: those of the other organisations would, too
                _log.warning("daily reminders (%s) wait: %s %s", name, error.reason, error.metadata)
                return AGAIN
            except grpc.aio.AioRpcError as error:
                _log.error("daily reminders (%s) of %s wait: %s", name, organisation_id, error.code().name)
                continue
        done[name, organisation_id] = today
    return None


QUOTIDIEN = Worker("quotidien", plan_daily, every=timedelta(hours=1))
