"""A steady flow of messages from a durable consumer, without waiting for full batches.

nats-py's `fetch` returns when its batch is full or its time is up: with few messages that
is the whole time. Here requests stay open at the server and what has arrived is taken.
"""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncIterator

from nats.aio.msg import Msg
from nats.js import JetStreamContext

from nats_utils.bus import BUS_ERRORS, Bus

_log = logging.getLogger(__name__)

_EXPIRES = 5.0  # seconds a request stays open at the server
_PATIENCE = 2.0  # seconds after which a request without any word is taken for lost
_PENDING_HEADER = "Nats-Pending-Messages"
_EXPECTED = ("404", "408")  # no messages; the request has expired


class ConsumerLost(RuntimeError):
    """The consumer, its stream or the connection is not there (any more)."""


class Puller:
    """Messages of *durable* on *stream*, at most *batch* at a time and in memory."""

    def __init__(self, bus: Bus, stream: str, durable: str, batch: int) -> None:
        self._bus, self._batch = bus, batch
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._arrived: deque[Msg] = deque()
        self._news = asyncio.Event()
        self._asked = 0
        self._lost = ""
        self._generation = bus.generation
        self._inbox = bus.client.new_inbox()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive messages while inside; what was not taken goes back to the server."""
        subscription = await self._bus.client.subscribe(self._inbox, cb=self._receive)
        try:
            with self._bus.watched(self._news.set):
                yield
        finally:
            try:
                await subscription.unsubscribe()
                for message in self._arrived:
                    await message.nak()
            except BUS_ERRORS as error:
                _log.debug("messages not given back: %s", type(error).__name__)

    async def next(self) -> list[Msg]:
        """The messages that are there, waiting for the first one. Raises ConsumerLost."""
        while not self._arrived:
            if self._lost or not self._bus.up or self._bus.generation != self._generation:
                raise ConsumerLost(self._lost or "the connection was lost")
            self._news.clear()
            await self._ask()
            try:
                async with asyncio.timeout(_EXPIRES + _PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                self._asked = 0
        taken = [self._arrived.popleft() for _ in range(min(len(self._arrived), self._batch))]
        if self._asked <= self._batch // 2:
            await self._ask()
        return taken

    async def _ask(self) -> None:
        wanted = self._batch - self._asked - len(self._arrived)
        if wanted <= 0:
            return
        self._asked += wanted
        request = {"batch": wanted, "expires": int(_EXPIRES * 1e9)}
        await self._bus.client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        status = JetStreamContext.is_status_msg(message)
        if not status:
            self._asked -= 1
            self._arrived.append(message)
        elif status in _EXPECTED:
            self._asked -= int((message.headers or {}).get(_PENDING_HEADER, self._asked))
        else:
            self._lost = f"status {status}"
        self._news.set()
