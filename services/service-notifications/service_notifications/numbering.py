"""The place of a notification in all streams, given once it is committed (R11).

An identity column would number rows before their commit, and a row that commits late would have a
place that streams have passed. Here one transaction at a time numbers what is committed, so that who
has read up to a place has missed nothing before it, however long others take to commit.
"""

from typing import Final
from uuid import UUID

from db_utils import Database, unscoped
from sqlalchemy import func, literal_column, select, update

from service_notifications.models import Notification

BATCH: Final = 500

_waiting = (
    select(Notification.id)
    .where(Notification.sequence.is_(None))
    .order_by(Notification.id)
    .limit(BATCH)
    .subquery()
)
_next = func.nextval(literal_column("'notifications_sequence'::regclass"))
_places = select(_waiting.c.id, _next.label("place")).subquery()
_ANY = select(Notification.id).where(Notification.sequence.is_(None)).limit(1)
_NUMBER = (
    update(Notification)
    .values(sequence=_places.c.place)
    .where(Notification.id == _places.c.id)
    .returning(Notification.organisation_id, Notification.id, Notification.diffuser)
)


async def number(database: Database) -> list[tuple[str, UUID, bool]]:
    """Number new notifications, `BATCH` at most: their organisation, id, and whether they are streamed."""
    with unscoped():
        if await database.read().one(_ANY) is None:
            return []
        async with database.transaction() as tx:
            await tx.lock("sequence")
            return await tx.all(_NUMBER)
