"""A steady flow of messages from a durable consumer, without waiting for full batches.

nats-py's `fetch` returns when its batch is full or its time is up: with few messages that
is the whole time. Here requests stay open at the server and what has arrived is taken.
"""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from nats_utils.bus import BUS_ERRORS, Bus

_log = logging.getLogger(__name__)

_EXPIRES = 5.0
_PATIENCE = 2.0  # seconds beyond the end of a request
_DRAIN_TIMEOUT = 2.0
_MOST_BYTES = 8 * 1024 * 1024  # of one request, so that a batch of large messages needs no more memory
_PENDING_HEADER = "Nats-Pending-Messages"
_EXPECTED = ("404", "408")  # no messages; the request has expired
_ENDED = ("Batch Completed", "Message Size Exceeds MaxBytes")  # by its number or its bytes; both are 409


class ConsumerLost(RuntimeError):
    """The consumer, its stream or the connection is not there (any more)."""


class Puller:
    """Messages of *durable* on *stream*, at most *batch* at a time and as many waiting.

    The server keeps a request for *expires* seconds and then says so; without that word the
    consumer is taken for lost.
    """

    def __init__(self, bus: Bus, stream: str, durable: str, batch: int, expires: float = _EXPIRES) -> None:
        self._bus, self._batch, self._expires = bus, batch, expires
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._arrived: deque[Msg] = deque()
        self._news = asyncio.Event()
        self._asked = 0
        self._lost = ""
        self._client, self._generation = bus.client, bus.generation
        self._inbox = self._client.new_inbox()

    @property
    def waiting(self) -> Sequence[Msg]:
        """What has arrived and was not taken."""
        return self._arrived

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive messages while inside; what was not taken goes back to the server."""
        subscription = await self._client.subscribe(self._inbox, cb=self._receive)
        try:
            with self._bus.watched(self._news.set):
                yield
        finally:
            await self._give_back(subscription)

    async def next(self) -> list[Msg]:
        """The messages that are there, waiting for the first one. Raises ConsumerLost."""
        while not self._arrived:
            if self._lost or not self._bus.up or self._bus.generation != self._generation:
                raise ConsumerLost(self._lost or "the connection was lost")
            self._news.clear()
            await self._ask()
            try:
                async with asyncio.timeout(self._expires + _PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                raise ConsumerLost("the consumer is silent") from None
        taken = [self._arrived.popleft() for _ in range(min(len(self._arrived), self._batch))]
        if self._asked <= self._batch // 2:
            try:
                await self._ask()
            except BaseException:
                self._arrived.extendleft(reversed(taken))
                raise
        return taken

    async def _ask(self) -> None:
        wanted = self._batch - self._asked - len(self._arrived)
        if wanted <= 0:
            return
        self._asked += wanted
        request = {"batch": wanted, "max_bytes": _MOST_BYTES, "expires": int(self._expires * 1e9)}
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if message.reply:  # to acknowledge it: a status has none, whatever headers a message may have
            self._asked -= 1
            self._arrived.append(message)
        elif status in _EXPECTED or headers.get("Description") in _ENDED:
            self._asked -= int(headers.get(_PENDING_HEADER, 0))
        else:
            self._lost = f"status {status} {headers.get('Description', '')}"
        self._news.set()

    async def _give_back(self, subscription: Subscription) -> None:
        """Take what is still under way and hand all of it back, for another replica to have at once."""
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT):
                await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py
            for message in self._arrived:
                await message.nak()
        except BUS_ERRORS as error:
            _log.debug("messages not given back: %s", type(error).__name__)
