"""Notifications as one user sees them: single ones, counts, messages. Visibility is in `visibility.py`."""

from collections.abc import Sequence
from uuid import UUID

from crm.notifications import notifications_pb2 as pb
from db_utils import Reader, parse_uuid
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import found, timestamp, to_message
from sqlalchemy import ARRAY, BigInteger, String, Uuid, any_, bindparam, func, select

from service_notifications.models import Lecture, Notification
from service_notifications.visibility import reading_of, visible_to

# Readings name no organisation: the ids come from a query that the kernel has scoped.
_user = bindparam("user", type_=String)
_ONE = select(Notification).where(Notification.id == bindparam("id"), visible_to(_user))
_LECTURES = select(Lecture).where(
    Lecture.utilisateur_id == _user,
    Lecture.notification_id == any_(bindparam("ids", type_=ARRAY(Uuid))),
)
_COUNT = (
    select(func.count(), func.count(Lecture.lu_le))
    .select_from(Notification)
    .outerjoin(Lecture, reading_of(_user))
    .where(visible_to(_user))
)
_COUNT_UNTIL = _COUNT.where(Notification.sequence <= bindparam("until", type_=BigInteger))


async def visible(reader: Reader, notification_id: str, user: str) -> Notification:
    """The notification, if *user* may see it. Raises Introuvable."""
    return found(await seen(reader, parse_uuid(notification_id), user))


async def seen(reader: Reader, identity: UUID | None, user: str) -> Notification | None:
    """The notification, None when *user* sees none of that id."""
    return None if identity is None else await reader.one(_ONE, id=identity, user=user)


async def counts(reader: Reader, user: str) -> tuple[int, int]:
    """The number of notifications that *user* sees, and of those he has not read (R5)."""
    total, read = await reader.one(_COUNT, user=user) or (0, 0)
    return total, total - read


async def unread_until(reader: Reader, user: str, sequence: int) -> int:
    """The number of unread notifications that *user* sees, up to a place in the streams (R10)."""
    total, read = await reader.one(_COUNT_UNTIL, user=user, until=sequence) or (0, 0)
    return total - read


async def messages(reader: Reader, rows: Sequence[Notification], user: str) -> list[pb.Notification]:
    """The *rows* as *user* sees them, in their order."""
    lectures = await reader.all(_LECTURES, user=user, ids=[row.id for row in rows])
    read = {lecture.notification_id: lecture for lecture in lectures}
    return [message(row, read.get(row.id)) for row in rows]


def message(notification: Notification, lecture: Lecture | None = None) -> pb.Notification:
    """The notification as its reader sees it."""
    read_at = _read_at(lecture)
    return to_message(
        notification,
        pb.Notification,
        metadata=notification.metadata_,
        lu=read_at is not None,
        lu_le=read_at,
    )


def _read_at(lecture: Lecture | None) -> Timestamp | None:
    return None if lecture is None or lecture.lu_le is None else timestamp(lecture.lu_le)
