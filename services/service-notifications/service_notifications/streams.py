"""One stream: what was missed, then what happens, until its reader, its token or the service ends it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final

from crm.notifications import notifications_pb2 as pb
from db_utils import Database, clock, parse_uuid
from grpc_utils import Identity, JetonExpire, entry, one_of
from grpc_utils.errors import OrganisationRequise
from sqlalchemy import ARRAY, BigInteger, String, any_, bindparam, func, or_, select

from service_notifications import connexions, reading, rules
from service_notifications.mailbox import HEARTBEAT, NEW, PRET, TOO_LATE, Mailbox
from service_notifications.models import TYPES, Notification
from service_notifications.rooms import Rooms
from service_notifications.visibility import addressed_to, visible_to

MOST_MISSED: Final = 200  # notifications that are sent again (R10)

_user = bindparam("user", type_=String)
_types = bindparam("types", type_=ARRAY(String))
_PLACE = select(Notification.sequence).where(Notification.id == bindparam("id"), addressed_to(_user))
_MISSED = (
    select(Notification)
    .where(
        Notification.diffuser,
        Notification.sequence > bindparam("after", type_=BigInteger),
        Notification.sequence <= bindparam("until", type_=BigInteger),
        or_(func.cardinality(_types) == 0, Notification.type == any_(_types)),
        visible_to(_user),
    )
    .order_by(Notification.sequence)
    .limit(MOST_MISSED + 1)
)


class Streams:
    """The streams of one instance; each sends a heartbeat every *pause* seconds."""

    def __init__(self, database: Database, rooms: Rooms, pause: float) -> None:
        self._database, self._rooms, self._pause = database, rooms, pause

    async def follow(
        self, request: pb.StreamNotificationsRequest, identity: Identity
    ) -> AsyncGenerator[pb.NotificationEvent, None]:
        """The events of a stream, in their order (R10, R11).

        Ends with JetonExpire (R13), ServiceEnArret or LecteurTropLent. Raises TropDeFlux,
        UtilisateurRequis, OrganisationRequise, ValeurInconnue.
        """
        user, types = rules.reader(identity), _checked(request.types)
        if not request.organisation_id:
            raise OrganisationRequise
        mailbox, organisation_id = Mailbox(user, types), request.organisation_id
        async with (
            self._rooms.joined(organisation_id, mailbox) as place,
            connexions.noted(self._database, organisation_id, user, self._rooms.instance) as connexion,
        ):
            unread = await reading.unread_until(self._database.read(), user, place)
            yield pb.NotificationEvent(type=PRET, unread=unread)
            if request.depuis_id:
                for missed in await self._missed(request, user, place):
                    yield missed
            beat_at = monotonic() + self._pause
            while True:
                event = await _next(mailbox, identity, beat_at)
                if event is None:
                    beat_at = monotonic() + self._pause
                    await connexions.prolong(self._database, connexion)
                yield event or pb.NotificationEvent(type=HEARTBEAT)

    async def _missed(
        self, request: pb.StreamNotificationsRequest, user: str, place: int
    ) -> list[pb.NotificationEvent]:
        """What came after the last notification that the client has, up to *place*."""
        reader, identity = self._database.read(), parse_uuid(request.depuis_id)
        after = await reader.one(_PLACE, id=identity, user=user) if identity else None
        if after is None:
            return [pb.NotificationEvent(type=TOO_LATE)]
        rows = await reader.all(_MISSED, user=user, after=after, until=place, types=[*request.types])
        told = await reading.messages(reader, rows[:MOST_MISSED], user)
        events = [pb.NotificationEvent(type=NEW, notification=one) for one in told]
        return [*events, pb.NotificationEvent(type=TOO_LATE)] if len(rows) > MOST_MISSED else events


async def _next(mailbox: Mailbox, identity: Identity, beat_at: float) -> pb.NotificationEvent | None:
    """The next event, None when a heartbeat is due. Raises JetonExpire and what closes the mailbox."""
    while (left := _time_left(identity)) > 0:
        if (pause := beat_at - monotonic()) <= 0:
            return None
        with suppress(TimeoutError):
            return await mailbox.take(min(pause, left))
    raise JetonExpire


def _checked(types: Sequence[str]) -> Sequence[str]:
    for position, asked in enumerate(types):
        with entry("types", position):
            one_of(asked, TYPES, "types")
    return types


def _time_left(identity: Identity) -> float:
    """The seconds until the token of the caller expires; without a token there is no end."""
    return identity.expires_at - clock.machine() if identity.expires_at else float("inf")
