"""The one consume loop: fetch, handle, acknowledge. Nothing else acknowledges a message.

A batch is one transaction: its claims, the effects of the new events, the commit, then
the acknowledgements. When a handler raises, the batch is rolled back and run one message
at a time, so that a poisonous one harms nobody else; see `handling.py`.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence

from db_utils import failpoint
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from nats_utils.bus import BUS_ERRORS, Bus
from nats_utils.handling import Handling
from nats_utils.pull import ConsumerLost, Puller
from nats_utils.subscription import Delivery, delivery

_log = logging.getLogger(__name__)

_BATCH = 200
_MOST_DELIVERIES = 1000  # far above our own limit of attempts, which is the one that counts
_RETRY = 1.0  # seconds before the consumer is bound again
_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds between two tries while the infrastructure is away
_ACK_TIMEOUT = 2.0


class Subscriber:
    """Consumes the messages of one subscription until it is cancelled."""

    def __init__(self, bus: Bus, handling: Handling) -> None:
        self._bus, self._handling = bus, handling
        self._kind, self._patience = handling.subscription.kind, handling.subscription.patience
        self._left: dict[str, Delivery] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Consume through every loss of broker or database; cancelled, end the batch at hand."""
        self._stopping.clear()
        while True:
            try:
                await self._bus.wait_up()
                await self._ensure_consumer()
                await self._consume()
            except (ConsumerLost, *BUS_ERRORS) as error:
                _log.warning(
                    "%s: %s (%s), trying again", self._handling.consumer, error, type(error).__name__
                )
            await asyncio.sleep(_RETRY * random.uniform(0.2, 1.0))

    async def _ensure_consumer(self) -> None:
        """Bind to the durable consumer; a new one starts at the oldest message.

        Events that were dealt with before are recognised by their claims.
        """
        js, durable = self._bus.js, self._handling.consumer
        try:
            await js.consumer_info(self._kind.stream, durable)
        except NotFoundError:
            await self._bus.declare_streams()
            await js.add_consumer(
                self._kind.stream,
                ConsumerConfig(
                    durable_name=durable,
                    filter_subject=self._kind.subject,
                    deliver_policy=DeliverPolicy.ALL,
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=self._patience.silence,
                    max_deliver=_MOST_DELIVERIES,
                    max_ack_pending=10 * _BATCH,
                ),
            )

    async def _consume(self) -> None:
        puller = Puller(self._bus, self._kind.stream, self._handling.consumer, _BATCH)
        async with puller.listening():
            keeping = asyncio.create_task(self._keep(puller))
            try:
                while True:
                    await self._finish(await puller.next())
            finally:
                keeping.cancel()

    async def _finish(self, messages: Sequence[Msg]) -> None:
        """Settle a batch; when cancelled meanwhile, as much of it as can be settled now."""
        batch = asyncio.create_task(self._settle(messages))
        try:
            await asyncio.shield(batch)
        except asyncio.CancelledError:
            self._stopping.set()
            while not batch.done():  # however often it is cancelled
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([batch])
            raise

    async def _keep(self, puller: Puller) -> None:
        """Tell the broker now and then that the messages here are not forgotten, only slow."""
        while True:
            await asyncio.sleep(self._patience.silence / 3)
            waiting = [message.reply for message in puller.waiting]
            with contextlib.suppress(*BUS_ERRORS):
                for reply in (*self._left, *waiting):
                    await self._bus.client.publish(reply, Msg.Ack.Progress)

    async def _settle(self, messages: Sequence[Msg]) -> None:
        """Bring every message to its end; while the infrastructure is away, wait for it."""
        kind = self._handling.subscription.event
        self._left = {message.reply: delivery(kind, message) for message in messages}
        failpoint("consumer.fetched")
        pause = _PAUSE
        while self._left and not self._stopping.is_set():
            try:
                await self._settle_left()
            except self._handling.transient as error:
                _log.warning("%s waits: %s", self._handling.consumer, type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._stopping.wait()
                pause = min(pause * 2, _LONGEST_PAUSE)
        for reply in self._left:
            await self._put_back(reply, 0)
        self._left = {}

    async def _settle_left(self) -> None:
        """Settle what is left: new messages together, and singly those that failed or came before."""
        await self._settle_known()
        new = [one for one in self._left.values() if one.fault is None and not one.again]
        if len(new) > 1:
            await self._settle_together(new)
        for one in await self._least_suspect_first():
            if self._stopping.is_set():
                return
            settled = await self._handling.alone(one)
            if settled.retry_after is None:
                await self._settled([one])
            else:
                await self._put_back(one.message.reply, settled.retry_after)
                del self._left[one.message.reply]

    async def _settle_known(self) -> None:
        """Acknowledge what was dealt with before, whose acknowledgement was lost."""
        again = [one for one in self._left.values() if one.again]
        if again:
            known = await self._handling.known([one.event_id for one in again])
            await self._settled([one for one in again if one.event_id in known])

    async def _settle_together(self, new: Sequence[Delivery]) -> None:
        try:
            await self._handling.together(new)
        except self._handling.transient:
            raise
        except Exception as error:
            _log.warning("%s takes a batch apart: %s", self._handling.consumer, type(error).__name__)
        else:
            await self._settled(new)

    async def _least_suspect_first(self) -> list[Delivery]:
        """What is left, and last what may have ended a process before: it harms nobody behind it."""
        left = list(self._left.values())
        again = [one.event_id for one in left if one.again]
        attempts = await self._handling.attempts(again) if again else {}
        return sorted(left, key=lambda one: attempts.get(one.event_id, 0))

    async def _settled(self, deliveries: Sequence[Delivery]) -> None:
        """Take *deliveries* off the list and tell the broker. What it does not hear comes again."""
        replies = [one.message.reply for one in deliveries]
        for reply in replies:
            del self._left[reply]
        try:
            await self._acknowledge(replies)
        except BUS_ERRORS as error:
            _log.warning("%s: acknowledgement lost: %s", self._handling.consumer, type(error).__name__)

    async def _acknowledge(self, replies: Sequence[str]) -> None:
        # On the present connection, which may not be the one that brought the message.
        client = self._bus.client
        for reply in replies[:-1]:
            failpoint("consumer.before_ack")
            await client.publish(reply)
        for reply in replies[-1:]:
            failpoint("consumer.before_last_ack")
            await client.request(reply, timeout=_ACK_TIMEOUT)
            failpoint("consumer.after_last_ack")

    async def _put_back(self, reply: str, delay: float) -> None:
        failpoint("consumer.before_put_back")
        try:
            await self._bus.client.publish(reply, _nak(delay))
        except BUS_ERRORS as error:
            _log.warning("%s: put back lost: %s", self._handling.consumer, type(error).__name__)
        failpoint("consumer.after_put_back")


def _nak(delay: float) -> bytes:
    """A negative acknowledgement that is delivered again after *delay* seconds, or at once."""
    return b'-NAK {"delay": %d}' % (delay * 1e9) if delay else Msg.Ack.Nak
