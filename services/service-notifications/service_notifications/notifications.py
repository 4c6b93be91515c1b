"""NotificationService: writing notifications, reading and following them as the calling user."""

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing

from crm.common.common_pb2 import DeleteResponse
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceServicer
from db_utils import Listing, clock, parse_uuid, scope
from grpc_utils import (
    Context,
    Identity,
    caller,
    insert_once,
    instant,
    list_answer,
    opaque_id,
    page_of,
    required,
    timestamp,
)
from grpc_utils.errors import OrganisationRequise, TropDeRequetes
from service_kit import App, Buckets
from sqlalchemy import DateTime, String, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from service_notifications import connexions, hiding, reading, rules
from service_notifications.mailbox import ALL_READ, DELETED, READ, TOO_LATE
from service_notifications.models import Lecture, Notification
from service_notifications.rooms import Rooms
from service_notifications.settings import NotificationsSettings
from service_notifications.streams import MOST_MISSED, Streams
from service_notifications.visibility import unread_by, visible_to

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
_user = bindparam("user", type_=String)
_lu_le = bindparam("lu_le", type_=DateTime(timezone=True))
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

    def __init__(self, app: App[NotificationsSettings]) -> None:
        self._db, self._creates = app.database, Buckets(PER_MINUTE, clock.timestamp)
        self._rooms = app.part(Rooms)
        self._streams = Streams(app.database, self._rooms, app.settings.stream_heartbeat_s)

    async def Create(self, request: pb.CreateNotificationRequest, context: Context) -> pb.Notification:
        """Store a notification, once per key (R8).

        Raises TropDeRequetes for a user above his rate (R16), CleIdempotenceReutilisee, and what
        `rules.new_notification` raises.
        """
        identity = self._writer()
        notification = rules.new_notification(request, identity)
        async with self._db.transaction() as tx:
            notification = await insert_once(tx, notification)
        return reading.message(notification)

    async def NotifyOrganisation(
        self, request: pb.NotifyOrganisationRequest, context: Context
    ) -> pb.NotifyOrganisationResponse:
        """Store a notification for each of several users, or one for the whole organisation (R9).

        Raises like Create.
        """
        rows = rules.new_notifications(request, self._writer())
        async with self._db.transaction() as tx:
            for row in rows:
                await tx.insert(row)
        return pb.NotifyOrganisationResponse(affected_count=len(rows))

    def _writer(self) -> Identity:
        """The caller, who may write now. Raises TropDeRequetes (R16)."""
        identity = caller()
        if identity.kind == "user" and (wait := self._creates.take(identity.subject)):
            raise TropDeRequetes(retry_after_s=str(math.ceil(wait)))
        return identity

    async def Get(self, request: pb.GetNotificationRequest, context: Context) -> pb.Notification:
        """Read a notification that the caller may see (R1). Raises Introuvable."""
        user, reader = rules.reader(caller()), self._db.read()
        notification = await reading.visible(reader, request.id, user)
        return reading.message(notification, await reader.get(Lecture, (notification.id, user)))

    async def List(
        self, request: pb.ListNotificationsRequest, context: Context
    ) -> pb.ListNotificationsResponse:
        """List the notifications that the caller may see, the newest first.

        The number of unread ones is that of all he sees, whatever the filters and the page (R5).
        """
        user, reader = rules.reader(caller(), request.utilisateur_id), self._db.read()
        only_unread = user if request.non_lues else None
        page = await page_of(NOTIFICATIONS, reader, request, visible_to=user, unread_by=only_unread)
        messages = await reading.messages(reader, page.rows, user)
        _, unread = await reading.counts(reader, user)
        return list_answer(pb.ListNotificationsResponse, page, messages, non_lues_total=unread)

    async def GetUnreadCount(
        self, request: pb.GetUnreadCountRequest, context: Context
    ) -> pb.GetUnreadCountResponse:
        """Count the notifications that the caller may see, and the unread ones among them (R5)."""
        total, unread = await reading.counts(self._db.read(), rules.reader(caller()))
        return pb.GetUnreadCountResponse(total=total, unread=unread)

    async def MarkAsRead(self, request: pb.MarkAsReadRequest, context: Context) -> pb.Notification:
        """Note that the caller has read a notification; the first time counts (R2). Raises Introuvable."""
        user = rules.reader(caller())
        async with self._db.transaction() as tx:
            row = await reading.visible(tx, request.id, user)
            first = await tx.insert_if_absent(Lecture(notification_id=row.id, utilisateur_id=user))
            lecture = await tx.get(Lecture, (row.id, user))
        if first:
            self._rooms.tell(row.organisation_id, user, [pb.NotificationEvent(type=READ, id=str(row.id))])
        return reading.message(row, lecture)

    async def MarkAllAsRead(
        self, request: pb.MarkAllAsReadRequest, context: Context
    ) -> pb.MarkAllAsReadResponse:
        """Note that the caller has read all that he sees and that was there at an instant (R4)."""
        user, now = rules.reader(caller()), clock.now()
        until = instant(request.jusqu_a) if request.HasField("jusqu_a") else now
        named = {"user": user, "organisation_id": request.organisation_id}
        async with self._db.transaction() as tx:
            affected = await tx.execute(_READ_ALL, **named, jusqu_a=until, lu_le=now)
        if affected:
            event = pb.NotificationEvent(type=ALL_READ, jusqu_a=timestamp(until))
            self._rooms.tell(request.organisation_id, user, [event])
        return pb.MarkAllAsReadResponse(affected_count=affected)

    async def Delete(self, request: pb.DeleteNotificationRequest, context: Context) -> DeleteResponse:
        """Hide a notification from the caller; one for him alone is deleted (R3)."""
        user, identity = rules.reader(caller()), parse_uuid(request.id)
        async with self._db.transaction() as tx:
            row = await reading.seen(tx, identity, user)
            hidden = row is not None and await hiding.hide(tx, row, user)
        if row is not None and hidden:
            event = pb.NotificationEvent(type=DELETED, id=str(row.id))
            self._rooms.tell(row.organisation_id, user, [event])
        return DeleteResponse(success=hidden)

    async def DeleteAllByUser(
        self, request: pb.DeleteAllByUserRequest, context: Context
    ) -> pb.DeleteAllByUserResponse:
        """Hide all that the caller sees (R3)."""
        user, organisation_id = rules.reader(caller()), scope.get().organisation_id or ""
        async with self._db.transaction() as tx:
            hidden = await hiding.hide_all(tx, organisation_id, user)
        events = [pb.NotificationEvent(type=DELETED, id=str(one)) for one in hidden]
        if len(events) > MOST_MISSED:
            events = [pb.NotificationEvent(type=TOO_LATE)]
        if events:
            self._rooms.tell(organisation_id, user, events)
        return pb.DeleteAllByUserResponse(affected_count=len(hidden))

    async def DeleteOlderThan(
        self, request: pb.DeleteOlderThanRequest, context: Context
    ) -> pb.DeleteOlderThanResponse:
        """Delete what was created before a day, for everybody (R15). Raises DateTropRecente."""
        day = rules.old_enough(request.date, clock.today())
        if not request.organisation_id:
            raise OrganisationRequise
        deleted = await hiding.delete_before(self._db, clock.midnight(day))
        return pb.DeleteOlderThanResponse(affected_count=deleted)

    async def Stream(
        self, request: pb.StreamNotificationsRequest, context: Context
    ) -> AsyncGenerator[pb.NotificationEvent, None]:
        """Send what the caller sees as it happens, after what he has missed (R10, R11)."""
        async with aclosing(self._streams.follow(request, caller())) as events:
            async for event in events:
                yield event

    async def GetConnectedUsersCount(
        self, request: pb.GetConnectedUsersCountRequest, context: Context
    ) -> pb.GetConnectedUsersCountResponse:
        """Count the users who have a stream open (R14)."""
        count = await connexions.connected_users(self._db.read())
        return pb.GetConnectedUsersCountResponse(count=count)

    async def IsUserConnected(
        self, request: pb.IsUserConnectedRequest, context: Context
    ) -> pb.IsUserConnectedResponse:
        """Tell whether a user has a stream open (R14)."""
        user = opaque_id(required(request.utilisateur_id, "utilisateur_id"), "utilisateur_id") or ""
        connected = await connexions.is_connected(self._db.read(), user)
        return pb.IsUserConnectedResponse(connected=connected)
