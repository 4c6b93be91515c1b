"""The streams of this instance, by organisation, and how they learn what happens (R10, R11).

`Rooms` hears the other instances and tells them; a `Room` hands new notifications to the streams of
one organisation, in the order of their places. Read `streams.py` for one stream.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from crm.notifications import notifications_pb2 as pb
from db_utils import once_committed, uuid7
from google.protobuf.message import DecodeError
from grpc_utils.errors import ResourceExhausted, Unavailable
from nats_utils import end, together
from service_kit import App

from service_notifications.mailbox import NEW, Mailbox
from service_notifications.numbering import BATCH, number
from service_notifications.room import Room

MOST_OF_A_USER: Final = 5  # streams on one instance (R12)


class TropDeFlux(ResourceExhausted):
    """Trop de flux de notifications sont ouverts ; fermez-en un."""


class ServiceEnArret(Unavailable):
    """Le service s'arrête ; reconnectez-vous avec depuis_id."""


class Rooms:
    """The rooms of *app*; there is one for each organisation with streams here."""

    def __init__(self, app: App[Any]) -> None:
        self._app, self.instance = app, str(uuid7())
        self._rooms: dict[str, Room] = {}
        self._of_users: Counter[str] = Counter()
        self._listening: asyncio.Task[None] | None = None

    async def number_new(self) -> None:
        """Number what is committed, and tell all instances of it."""
        full = True
        while full:
            rows = await number(self._app.database)
            for organisation_id, identity, streamed in rows:
                if streamed:
                    self._tell(organisation_id, "", [pb.NotificationEvent(type=NEW, id=str(identity))])
            full = len(rows) == BATCH

    def tell(self, organisation_id: str, user: str, events: Sequence[pb.NotificationEvent]) -> None:
        """Hand *events* to all streams of *user*, once what this task has written is committed."""
        once_committed(partial(self._tell, organisation_id, user, events))

    @asynccontextmanager
    async def joined(self, organisation_id: str, mailbox: Mailbox) -> AsyncIterator[int]:
        """Fill *mailbox* inside with what comes after the place that is given.

        Raises TropDeFlux, ServiceEnArret.
        """
        user = mailbox.utilisateur_id
        if self._app.stopping.is_set():
            raise ServiceEnArret
        if self._of_users[user] >= MOST_OF_A_USER:
            raise TropDeFlux(maximum=str(MOST_OF_A_USER))
        self._of_users[user] += 1
        room = self._rooms.setdefault(organisation_id, Room(self._app.database, organisation_id))
        room.members.add(mailbox)
        self._listen()
        try:
            await self.number_new()
            yield await room.join(mailbox)
        finally:
            self._of_users -= Counter((user,))
            room.members.discard(mailbox)
            await self._left(room)

    async def _left(self, room: Room) -> None:
        """Close *room* without members, and with the last one the ears for other instances."""
        tasks = []
        if not room.members and self._rooms.get(room.organisation_id) is room:
            del self._rooms[room.organisation_id]
            tasks += room.tasks
        if not self._rooms and self._listening is not None:
            tasks.append(self._listening)
            self._listening = None
        await end(*tasks)

    def _listen(self) -> None:
        if self._listening is None:
            self._listening = asyncio.create_task(
                together(self._app.live.listen(self._hear, self._wake), self._close_at_stop())
            )

    async def _close_at_stop(self) -> None:
        await self._app.stopping.wait()
        for room in self._rooms.values():
            room.close(ServiceEnArret())

    def _wake(self) -> None:
        for room in self._rooms.values():
            room.wake()

    def _tell(self, organisation_id: str, user: str, events: Sequence[pb.NotificationEvent]) -> None:
        signal = pb.Signal(instance=self.instance, utilisateur_id=user, events=events)
        self._take(organisation_id, signal)
        self._app.live.say(organisation_id, signal.SerializeToString())

    def _hear(self, organisation_id: str, words: bytes) -> None:
        try:
            signal = pb.Signal.FromString(words)
        except DecodeError:
            return  # of a version to come: what is new is found by polling
        if signal.instance != self.instance:
            self._take(organisation_id, signal)

    def _take(self, organisation_id: str, signal: pb.Signal) -> None:
        room = self._rooms.get(organisation_id)
        if room is not None:
            room.told(signal)
