"""The consume loop: pull, handle, acknowledge. Nothing else acknowledges a message.

What comes for the first time is handled as a batch: one transaction of claims and effects
(`handling.py`), its commit, then the acknowledgements. When a handler raises, the batch is
rolled back and its deliveries are handled singly, so that a poisonous one harms no other.
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
from nats_utils.deliveries import Delivery, Outcome, received
from nats_utils.handling import Handling
from nats_utils.pull import ConsumerLost, Puller

_log = logging.getLogger(__name__)

_BATCH = 200
# Far above our limit of attempts: infrastructure errors are no attempts, yet cost deliveries.
_MOST_DELIVERIES = 1000
_RETRY = 1.0  # seconds before the consumer is bound again
_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds between two attempts while the infrastructure is away
_ACK_TIMEOUT = 2.0  # seconds


class Subscriber:
    """The consumer of one subscription. Replicas share its durable name, and so its messages."""

    def __init__(self, bus: Bus, handling: Handling) -> None:
        self._bus, self._handling = bus, handling
        self._kind, self._retry_policy = handling.subscription.kind, handling.subscription.retry_policy
        self._left: dict[str, Delivery] = {}  # at hand and without an outcome, by reply subject
        self._heard = True  # whether the broker confirms acknowledgements of what is at hand
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Consume until cancelled, through every loss of broker or database.

        A cancellation lets the transaction at hand end and be acknowledged.
        """
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
        """Find the durable consumer, or create it at the oldest message of the stream.

        The claims of events that were dealt with keep them from a second effect.
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
                    ack_wait=self._retry_policy.silence,
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
        """Handle *messages*, also through a cancellation: it tells the work to stop and waits for it."""
        batch = asyncio.create_task(self._handle(messages))
        try:
            await asyncio.shield(batch)
        except asyncio.CancelledError:
            self._stopping.set()
            while not batch.done():  # however often it is cancelled
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([batch])
            raise

    async def _keep(self, puller: Puller) -> None:
        """Report progress of all messages here, so that the broker does not deliver them elsewhere."""
        while True:
            await asyncio.sleep(self._retry_policy.silence / 3)
            at_hand = [delivery.message for delivery in self._left.values()]
            with contextlib.suppress(*BUS_ERRORS):
                for message in (*at_hand, *puller.waiting):
                    await message.in_progress()

    async def _handle(self, messages: Sequence[Msg]) -> None:
        """Bring every message to its outcome; wait while the infrastructure is away.

        At a stop the messages without an outcome go back to the broker as they are.
        """
        kind = self._handling.subscription.event
        self._left = {message.reply: received(kind, message) for message in messages}
        self._heard = True
        failpoint("consumer.fetched")
        pause = _PAUSE
        while self._left and not self._stopping.is_set():
            try:
                await self._handle_batch()
                if self._left:
                    await self._handle_singly()
            except self._handling.infrastructure as error:
                _log.warning("%s waits: %s", self._handling.consumer, type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._stopping.wait()
                pause = min(pause * 2, _LONGEST_PAUSE)
        for delivery in list(self._left.values()):
            await self._put_back(delivery, 0)

    async def _handle_batch(self) -> None:
        """Handle the first deliveries as a batch; if it fails they stay, to be handled singly."""
        first = [one for one in self._left.values() if one.fault is None and not one.again]
        if not first:
            return
        try:
            await self._handling.batch(first)
        except self._handling.infrastructure:
            raise
        except Exception as error:
            if len(first) == 1:  # it has failed singly
                await self._end(first[0], await self._handling.failed(first[0], error))
            else:
                _log.warning("%s takes a batch apart: %s", self._handling.consumer, type(error).__name__)
        else:
            await self._acknowledge(first)

    async def _handle_singly(self) -> None:
        """Handle what is left singly; what was dealt with before is only acknowledged."""
        known = await self._known()
        if known:
            await self._acknowledge(known)
        for one in await self._by_attempts():
            if self._stopping.is_set():
                return
            await self._end(one, await self._handling.single(one))

    async def _known(self) -> list[Delivery]:
        """The deliveries that were dealt with before, and whose acknowledgement was lost."""
        again = [one for one in self._left.values() if one.again]
        known = await self._handling.known([one.event_id for one in again]) if again else ()
        return [one for one in again if one.event_id in known]

    async def _by_attempts(self) -> list[Delivery]:
        """The deliveries left, those with the fewest attempts first.

        One that ends the process each time has the most, and so keeps no other from its effect.
        """
        again = [one.event_id for one in self._left.values() if one.again]
        counts = await self._handling.attempts.counts(again) if again else {}
        return sorted(self._left.values(), key=lambda one: counts.get(one.event_id, 0))

    async def _end(self, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.retry_after is None:
            await self._acknowledge([delivery])
        else:
            await self._put_back(delivery, outcome.retry_after)

    async def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that *deliveries* have ended. One it does not hear of comes again, to no effect.

        It is told by the connection that brought them: after another one has begun, their place in
        the stream may be that of other messages, which nobody has handled yet.
        """
        for delivery in deliveries:
            del self._left[delivery.message.reply]
        try:
            for delivery in deliveries[:-1]:
                failpoint("consumer.before_ack")
                await delivery.message.ack()
            # The last one is confirmed by the broker, which takes them in order. A consumer that was
            # made anew confirms none of its predecessor's deliveries: only the first is waited for.
            failpoint("consumer.before_last_ack")
            last = deliveries[-1].message
            await (last.ack_sync(_ACK_TIMEOUT) if self._heard else last.ack())
            failpoint("consumer.after_last_ack")
        except BUS_ERRORS as error:
            self._heard = False
            _log.warning("%s: acknowledgement lost: %s", self._handling.consumer, type(error).__name__)

    async def _put_back(self, delivery: Delivery, delay: float) -> None:
        """Have the broker deliver the message again after *delay* seconds, or at once for 0."""
        del self._left[delivery.message.reply]
        failpoint("consumer.before_put_back")
        try:
            await delivery.message.nak(delay)
        except BUS_ERRORS as error:
            _log.warning("%s: put back lost: %s", self._handling.consumer, type(error).__name__)
        failpoint("consumer.after_put_back")
