"""Hiding notifications from one user, and deleting old ones for everybody (R3, R15)."""

from datetime import datetime
from typing import Final
from uuid import UUID

from db_utils import Database, Transaction, clock
from sqlalchemy import DateTime, String, bindparam, delete, null, select
from sqlalchemy.dialects.postgresql import insert

from service_notifications.models import UTILISATEUR, Lecture, Notification
from service_notifications.visibility import own, visible_to

_user = bindparam("user", type_=String)
_now = bindparam("now", type_=DateTime(timezone=True))
_DELETE_ONE = delete(Notification).where(Notification.id == bindparam("id"), own(_user))
_DELETE_OWN = delete(Notification).where(own(_user), visible_to(_user)).returning(Notification.id)
_marked = insert(Lecture)
_HIDDEN = {"masquee_le": _marked.excluded.masquee_le}
_SHOWN = Lecture.masquee_le.is_(None)
_KEY = ["notification_id", "utilisateur_id"]
_HIDE_ONE = _marked.values(
    notification_id=bindparam("id"), utilisateur_id=_user, lu_le=null(), masquee_le=_now
).on_conflict_do_update(index_elements=_KEY, set_=_HIDDEN, where=_SHOWN)
# The kernel scopes reads and changes of rows, not rows made of a query: this one names its organisation.
_HIDE_ALL = (
    _marked.from_select(
        [*_KEY, "masquee_le"],
        select(Notification.id, _user, _now).where(
            Notification.organisation_id == bindparam("organisation_id"), visible_to(_user)
        ),
    )
    .on_conflict_do_update(index_elements=_KEY, set_=_HIDDEN, where=_SHOWN)
    .returning(Lecture.notification_id)
)

_BATCH: Final = 1_000  # rows of one transaction, so that nobody waits long for their locks
_old = select(Notification.id).where(
    Notification.created_at < bindparam("before", type_=DateTime(timezone=True))
)
_DELETE_OLD = delete(Notification).where(Notification.id.in_(_old.limit(_BATCH)))


async def hide(tx: Transaction, notification: Notification, user: str) -> bool:
    """Hide *notification*, which *user* sees, from him; return whether this call did."""
    if notification.destinataire_type == UTILISATEUR:
        return bool(await tx.execute(_DELETE_ONE, id=notification.id, user=user))
    return bool(await tx.execute(_HIDE_ONE, id=notification.id, user=user, now=clock.now()))


async def hide_all(tx: Transaction, organisation_id: str, user: str) -> list[UUID]:
    """Hide all that *user* sees from him; return the ids."""
    deleted = await tx.all(_DELETE_OWN, user=user)
    hidden = await tx.all(_HIDE_ALL, organisation_id=organisation_id, user=user, now=clock.now())
    return [*deleted, *hidden]


async def delete_before(database: Database, before: datetime) -> int:
    """Delete what was created earlier in the organisation of the scope; return how many there were."""
    deleted, batch = 0, _BATCH
    while batch == _BATCH:
        async with database.transaction() as tx:
            batch = await tx.execute(_DELETE_OLD, before=before)
        deleted += batch
    return deleted
