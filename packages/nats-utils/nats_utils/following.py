"""The entries of the bucket of revocations, with a sign of life while there are no new ones.

The broker numbers the entries it sends, and its heartbeats name the last number. So silence
or a wrong number mean that entries were missed, or that consumer or bucket is gone. nats-py's
ordered consumer would go on at its old place in a bucket that was made anew.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from crm.auth.auth_pb2 import Revocation
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from nats_utils.bus import BUS_ERRORS, Bus
from nats_utils.events import REVOCATIONS_STREAM
from nats_utils.pull import ConsumerLost
from nats_utils.revocations import SUBJECT

_log = logging.getLogger(__name__)

_HEARTBEAT = 1.0  # seconds
_PATIENCE = 2.5  # heartbeats of silence, from the consumer or before the first answer
_ENTRY = "$JS.ACK."  # begins the reply subject of an entry, but not that of flow control


async def follow_revocations(
    bus: Bus,
    take: Callable[[Revocation], None],
    followed: Callable[[], None],
    *,
    heartbeat: float = _HEARTBEAT,
) -> None:
    """Hand every revocation in the bucket to *take*, then each new one as it comes.

    *followed* is called at the start and at least every *heartbeat* seconds while no entry was
    missed. Returns when one may have been, or the bucket cannot be read; the reason is in the
    log, and a missing bucket is declared again. A repeated call begins at the start of the
    bucket; pause before it.
    """
    try:
        await _Following(bus, take, followed, heartbeat).run()
    except NotFoundError:
        await bus.declare_streams()
    except ConsumerLost as lost:
        _log.warning("revocations are followed anew: %s", lost)
    except BUS_ERRORS as error:
        _log.warning("revocations are not followed: %s", type(error).__name__)


class _Following:
    """One consumer of the bucket, which lives until something is missed or the connection is lost."""

    def __init__(
        self, bus: Bus, take: Callable[[Revocation], None], followed: Callable[[], None], heartbeat: float
    ) -> None:
        self._bus, self._client = bus, bus.client
        self._heartbeat, self._patience = heartbeat, _PATIENCE * heartbeat
        self._take, self._followed = take, followed
        self._inbox = self._client.new_inbox()
        self._received = 0
        self._lost = ""
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Follow until it is over. Raises ConsumerLost; at the start BUS_ERRORS or NotFoundError."""
        subscription = await self._client.subscribe(self._inbox, cb=self._receive)
        try:
            with self._bus.watched(self._cut_off):
                consumer = self._consumer()
                await self._bus.js.add_consumer(REVOCATIONS_STREAM, consumer, timeout=self._patience)
                self._followed()
                await self._listen()
        finally:
            with contextlib.suppress(*BUS_ERRORS):
                await subscription.unsubscribe()

    def _consumer(self) -> ConsumerConfig:
        """A consumer in memory, gone with its connection: the next one reads the bucket from its start."""
        return ConsumerConfig(
            deliver_subject=self._inbox,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            filter_subject=f"{SUBJECT}.>",
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            idle_heartbeat=self._heartbeat,
            flow_control=True,
            mem_storage=True,
            num_replicas=1,
        )

    async def _listen(self) -> None:
        while not self._lost:
            self._news.clear()
            try:
                async with asyncio.timeout(self._patience):
                    await self._news.wait()
            except TimeoutError:
                raise ConsumerLost("the consumer is silent") from None
        raise ConsumerLost(self._lost)

    def _cut_off(self) -> None:
        self._lost = "the connection was lost, or the broker's memory"
        self._news.set()

    async def _receive(self, message: Msg) -> None:
        if message.reply.startswith(_ENTRY):
            self._received += 1
            self._check(message.metadata.sequence.consumer)
            self._hand_over(message)
        elif message.reply:
            await self._client.publish(message.reply)  # flow control
        else:
            await self._check_status(message.headers or {})
        if not self._lost:
            self._followed()
        self._news.set()

    async def _check_status(self, status: dict[str, str]) -> None:
        """Compare the number that a heartbeat names; any other status means loss."""
        if status.get("Status") != "100":
            self._lost = f"status {status.get('Status')} {status.get('Description', '')}"
            return
        self._check(int(status.get("Nats-Last-Consumer", 0)))
        if stalled := status.get("Nats-Consumer-Stalled"):
            await self._client.publish(stalled)

    def _check(self, number: int) -> None:
        if number != self._received:
            self._lost = f"entry {number} is not number {self._received}"

    def _hand_over(self, message: Msg) -> None:
        if not message.data:  # an entry deleted by hand; the revocation stays in force where it is known
            return
        try:
            self._take(Revocation.FromString(message.data))
        except DecodeError:
            _log.error("an unreadable entry in the bucket of revocations: %s", message.subject)
