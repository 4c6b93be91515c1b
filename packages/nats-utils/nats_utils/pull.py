"""Messages of a durable consumer in batches, each as large as what has arrived.

nats-py's `fetch` returns when its batch is full or its time is up: with few messages it waits
the whole time. Here requests stay open at the server, see decision 7.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Sequence

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from nats_utils.bus import BUS_ERRORS, Bus

_log = logging.getLogger(__name__)

_EXPIRES = 5.0  # seconds until the server ends a request
_PATIENCE = 2.0  # seconds beyond that until its silence means loss
_DRAIN_TIMEOUT = 2.0  # seconds
_MOST_BYTES = 8 * 1024 * 1024  # of one request: the memory that a batch of large messages takes
_PENDING_HEADER = "Nats-Pending-Messages"
_EXPECTED = ("404", "408")  # no messages; the request has expired
_ENDED = ("Batch Completed", "Message Size Exceeds MaxBytes")  # 409 too: the request has brought its part


class ConsumerLost(RuntimeError):
    """The consumer, its stream or the connection does not exist, or no longer."""


class Puller:
    """Messages of consumer *durable* of *stream*: at most *batch* at hand, and as many waiting here.

    The server ends a request after *expires* seconds and says so; a consumer that does not is
    taken for lost.
    """

    def __init__(self, bus: Bus, stream: str, durable: str, batch: int, expires: float = _EXPIRES) -> None:
        self._bus, self._batch, self._expires = bus, batch, expires
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._arrived: list[Msg] = []
        self._news = asyncio.Event()
        self._asked = 0  # messages that open requests may still bring
        self._few = batch // 2  # asked for again no sooner: messages that come singly share a request
        self._lost = ""
        self._client = bus.client
        self._inbox = self._client.new_inbox()

    @property
    def waiting(self) -> Sequence[Msg]:
        """Messages that have arrived and were not taken."""
        return self._arrived

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive messages while inside; at the end those that were not taken go back to the server."""
        with self._bus.watched(self._cut_off):
            subscription = await self._client.subscribe(self._inbox, cb=self._receive)
            try:
                yield
            finally:
                await self._give_back(subscription)

    async def next(self) -> list[Msg]:
        """The messages that have arrived, as soon as there is one, in order. Raises ConsumerLost."""
        while not self._arrived:
            if self._lost:
                raise ConsumerLost(self._lost)
            self._news.clear()
            if self._asked <= self._few:
                await self._ask()
            try:
                async with asyncio.timeout(self._expires + _PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                raise ConsumerLost("the consumer is silent") from None
        taken = self._arrived[: self._batch]
        if self._asked <= self._few:
            await self._ask(len(taken))  # before they leave the list: if it fails, they go back to the server
        del self._arrived[: len(taken)]
        return taken

    async def _ask(self, taken: int = 0) -> None:
        """Ask for as many messages as make a batch with those that are here, beside the *taken* ones."""
        wanted = self._batch - self._asked - (len(self._arrived) - taken)
        if wanted > 0:
            self._asked += wanted
            request = {"batch": wanted, "max_bytes": _MOST_BYTES, "expires": int(self._expires * 1e9)}
            await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    def _cut_off(self) -> None:
        self._lost = self._lost or "the connection was lost, or the broker's memory"
        self._news.set()

    async def _receive(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if (
            message.reply
        ):  # where to acknowledge; the server's own words have none, but any "Status" can be sent
            self._asked -= 1
            self._arrived.append(message)
        elif status in _EXPECTED or headers.get("Description") in _ENDED:
            self._asked -= int(headers.get(_PENDING_HEADER, 0))
        else:
            self._lost = f"status {status} {headers.get('Description', '')}"
        self._news.set()

    async def _give_back(self, subscription: Subscription) -> None:
        """Wait for what is under way, then refuse all that was not taken: another replica gets it at once."""
        # Never cancelled: nats-py 2.16 stops reading when an answer comes for a wait that was given up.
        draining = asyncio.create_task(_drained(subscription))
        await asyncio.wait((draining,), timeout=_DRAIN_TIMEOUT)
        try:
            for message in self._arrived:
                await message.nak()
        except BUS_ERRORS as error:
            _log.debug("messages not given back: %s", type(error).__name__)


async def _drained(subscription: Subscription) -> None:
    """End *subscription* once all messages that the server has sent are here, or the connection is lost."""
    with contextlib.suppress(*BUS_ERRORS):
        await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py
