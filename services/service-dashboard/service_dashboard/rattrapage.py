"""The job of the orphans: events whose client was unknown have their effect once he is known (R23)."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from db_utils import Retention, purge
from google.protobuf.message import Message
from nats_utils import Subscription
from service_kit import App, Worker
from sqlalchemy import select

from service_dashboard.models import EvenementOrphelin
from service_dashboard.orphelins import owner_for, restored
from service_dashboard.subscribers import SUBSCRIPTIONS

_KEPT: Final = timedelta(hours=24)
_log = logging.getLogger(__name__)
_OLDEST_FIRST = select(EvenementOrphelin.event_id).order_by(
    EvenementOrphelin.created_at, EvenementOrphelin.event_id
)
_SUBSCRIPTIONS: Final[Mapping[type[Message], Subscription]] = {one.event: one for one in SUBSCRIPTIONS}


async def retry_orphans(app: App[Any]) -> None:
    """Give every orphan whose client is known by now its effect, and give those of a day up (R23).

    Each is tried once more before it is given up. Raises Unavailable while clients is silent: then none
    is.
    """
    for event_id in await app.database.read().all(_OLDEST_FIRST):
        await _retry(app, event_id)
    given_up = await purge(app.database, Retention(EvenementOrphelin, EvenementOrphelin.created_at, _KEPT))
    if given_up:
        _log.warning("%d events about unknown clients are given up after a day", given_up)


async def _retry(app: App[Any], event_id: UUID) -> None:
    orphan = await app.database.read().get(EvenementOrphelin, event_id)
    if orphan is None:
        return
    event = restored(orphan)
    owner = await owner_for(event, app)
    if owner is None:
        return
    async with app.database.transaction() as tx:
        await _SUBSCRIPTIONS[type(event)].handler(event, tx, owner)
        await tx.delete(orphan)


RETRYING: Final = Worker("evenements_orphelins", retry_orphans, every=timedelta(minutes=5))
