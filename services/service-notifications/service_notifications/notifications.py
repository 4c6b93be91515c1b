"""NotificationService: writing notifications, and reading them as the calling user."""

import math

from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceServicer
from db_utils import Listing, Reader, clock, parse_uuid
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import (
    Context,
    caller,
    found,
    insert_once,
    instant,
    list_answer,
    page_of,
    timestamp,
    to_message,
)
from grpc_utils.errors import TropDeRequetes
from service_kit import App, Buckets, Settings
from sqlalchemy import ARRAY, DateTime, String, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from service_notifications import rules
from service_notifications.models import Lecture, Notification
from service_notifications.visibility import reading_of, unread_by, visible_to

PER_MINUTE = 60  # Creates of one user (R16)

NOTIFICATIONS = Listing(
    Notification,
    sorts=("created_at desc",),
    filters={
        "visible_to": visible_to,
        "unread_by": unread_by,
        "type": None,
        "niveau": None,
        "du": lambda instant: Notification.created_at >= instant,
        "au": lambda instant: Notification.created_at <= instant,
    },
)
# Readings name no organisation: the ids come from a query that the kernel has scoped.
_user = bindparam("user", type_=String)
_lu_le = bindparam("lu_le", type_=DateTime(timezone=True))
_ONE = select(Notification).where(Notification.id == bindparam("id"), visible_to(_user))
_LECTURES = select(Lecture).where(
    Lecture.utilisateur_id == _user,
    Lecture.notification_id == any_(bindparam("ids", type_=ARRAY(Uuid))),
)
_COUNT = (
    select(func.count(), func.count(Lecture.notification_id))
    .select_from(Notification)
    .outerjoin(Lecture, reading_of(_user))
    .where(visible_to(_user))
)
# The kernel scopes reads and changes of rows, not rows made of a query: this one names its organisation.
_READ_ALL = (
    insert(Lecture)
    .from_select(
        ["notification_id", "utilisateur_id", "lu_le"],
        select(Notification.id, _user, _lu_le).where(
            Notification.organisation_id == bindparam("organisation_id"),
            Notification.created_at <= bindparam("jusqu_a"),
            visible_to(_user),
            unread_by(_user),
        ),
    )
    .on_conflict_do_nothing()
)


class NotificationService(NotificationServiceServicer):
    """Notifications of the caller and of his organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._creates = app.database, Buckets(PER_MINUTE, clock.timestamp)

    async def Create(self, request: pb.CreateNotificationRequest, context: Context) -> pb.Notification:
        """Store a notification, once per key (R8).

        Raises TropDeRequetes for a user above his rate (R16), CleIdempotenceReutilisee, and what
        `rules.new_notification` raises.
        """
        identity = caller()
        if identity.kind == "user" and (wait := self._creates.take(identity.subject)):
            raise TropDeRequetes(retry_after_s=str(math.ceil(wait)))
        notification = rules.new_notification(request, identity)
        async with self._db.transaction() as tx:
            notification = await insert_once(tx, notification)
        return _message(notification, None)

    async def Get(self, request: pb.GetNotificationRequest, context: Context) -> pb.Notification:
        """Read a notification that the caller may see (R1). Raises Introuvable."""
        user, reader = rules.reader(caller()), self._db.read()
        notification = await _visible(reader, request.id, user)
        return _message(notification, await reader.get(Lecture, (notification.id, user)))

    async def List(
        self, request: pb.ListNotificationsRequest, context: Context
    ) -> pb.ListNotificationsResponse:
        """List the notifications that the caller may see, the newest first.

        The number of unread ones is that of all he sees, whatever the filters and the page (R5).
        """
        user, reader = rules.reader(caller()), self._db.read()
        only_unread = user if request.non_lues else None
        page = await page_of(NOTIFICATIONS, reader, request, visible_to=user, unread_by=only_unread)
        lectures = await reader.all(_LECTURES, user=user, ids=[row.id for row in page.rows])
        read = {lecture.notification_id: lecture for lecture in lectures}
        _, unread = await _counts(reader, user)
        messages = [_message(row, read.get(row.id)) for row in page.rows]
        return list_answer(pb.ListNotificationsResponse, page, messages, non_lues_total=unread)

    async def GetUnreadCount(
        self, request: pb.GetUnreadCountRequest, context: Context
    ) -> pb.GetUnreadCountResponse:
        """Count the notifications that the caller may see, and the unread ones among them (R5)."""
        total, unread = await _counts(self._db.read(), rules.reader(caller()))
        return pb.GetUnreadCountResponse(total=total, unread=unread)

    async def MarkAsRead(self, request: pb.MarkAsReadRequest, context: Context) -> pb.Notification:
        """Note that the caller has read a notification; the first time counts (R2). Raises Introuvable."""
        user = rules.reader(caller())
        async with self._db.transaction() as tx:
            notification = await _visible(tx, request.id, user)
            await tx.insert(Lecture(notification_id=notification.id, utilisateur_id=user), if_absent=True)
            lecture = await tx.get(Lecture, (notification.id, user))
        return _message(notification, lecture)

    async def MarkAllAsRead(
        self, request: pb.MarkAllAsReadRequest, context: Context
    ) -> pb.MarkAllAsReadResponse:
        """Note that the caller has read all that he sees and that was there at an instant (R4)."""
        now = clock.now()
        async with self._db.transaction() as tx:
            affected = await tx.execute(
                _READ_ALL,
                user=rules.reader(caller()),
                organisation_id=request.organisation_id,
                jusqu_a=instant(request.jusqu_a) if request.HasField("jusqu_a") else now,
                lu_le=now,
            )
        return pb.MarkAllAsReadResponse(affected_count=affected)


async def _visible(reader: Reader, notification_id: str, user: str) -> Notification:
    """The notification, if *user* may see it. Raises Introuvable."""
    return found(await reader.one(_ONE, id=found(parse_uuid(notification_id)), user=user))


async def _counts(reader: Reader, user: str) -> tuple[int, int]:
    """The number of notifications that *user* sees, and of those he has not read."""
    total, read = await reader.one(_COUNT, user=user) or (0, 0)
    return total, total - read


def _message(notification: Notification, lecture: Lecture | None) -> pb.Notification:
    return to_message(
        notification,
        pb.Notification,
        metadata=notification.metadata_,
        lu=lecture is not None,
        lu_le=_read_at(lecture),
    )


def _read_at(lecture: Lecture | None) -> Timestamp | None:
    return None if lecture is None else timestamp(lecture.lu_le)
