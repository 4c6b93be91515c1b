"""The events that wait for the reader of one stream (R10, R12)."""

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Final

from crm.notifications import notifications_pb2 as pb
from grpc_utils.errors import LecteurTropLent, Refusal

PRET, HEARTBEAT, TOO_LATE = "pret", "heartbeat", "trop_de_retard"
NEW, READ, ALL_READ, DELETED = (
    "notification.new",
    "notification.read",
    "notification.all_read",
    "notification.deleted",
)
MOST_WAITING: Final = 500  # events (R12)


class Mailbox:
    """The events for a stream of *utilisateur_id*, who wants new notifications of *types*, or of all."""

    def __init__(self, utilisateur_id: str, types: Collection[str]) -> None:
        self.utilisateur_id = utilisateur_id
        self._types = frozenset(types)
        self._events: deque[pb.NotificationEvent] = deque()
        self._end: Refusal | None = None
        self._turned = asyncio.Event()

    def put(self, event: pb.NotificationEvent) -> None:
        """Keep *event* for the reader; one who lags too far behind is closed."""
        if event.type == NEW and self._types and event.notification.type not in self._types:
            return
        if len(self._events) >= MOST_WAITING:
            self._events.clear()
            self.close(LecteurTropLent())
        elif self._end is None:
            self._events.append(event)
            self._turned.set()

    def close(self, refusal: Refusal) -> None:
        """End the stream with *refusal*, once the reader has taken what waits."""
        self._end = self._end or refusal
        self._turned.set()

    async def take(self, patience: float) -> pb.NotificationEvent:
        """The next event. Raises TimeoutError after *patience* seconds, and the refusal that closed it."""
        async with asyncio.timeout(patience):
            while not self._events:
                if self._end is not None:
                    raise self._end
                self._turned.clear()
                await self._turned.wait()
        return self._events.popleft()
