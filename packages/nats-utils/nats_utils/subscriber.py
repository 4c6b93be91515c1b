"""The one consume loop: fetch, handle, acknowledge. Nothing else acknowledges a message.

A batch is one transaction: its claims, the effects of the new events, the commit, then
the acknowledgements. When a handler raises, the batch is rolled back and run one message
at a time, so that a poisonous one harms nobody else; see `handling.py`.
"""

import asyncio
import logging
import random
from collections.abc import Sequence

from db_utils import failpoint
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from nats_utils.bus import BUS_ERRORS, Bus
from nats_utils.events import InvalidEvent
from nats_utils.handling import Handling
from nats_utils.pull import ConsumerLost, Puller
from nats_utils.subscription import Delivery, read

_log = logging.getLogger(__name__)

_BATCH = 200
_ACK_WAIT = 30.0  # seconds after which the broker delivers an unanswered message again
_MOST_DELIVERIES = 1000  # far above our own limit of attempts, which is the one that counts
_RETRY, _LONGEST_RETRY = 1.0, 5.0


class Subscriber:
    """Consumes the messages of one subscription until it is cancelled."""

    def __init__(self, bus: Bus, handling: Handling) -> None:
        self._bus, self._handling = bus, handling
        self._kind = handling.subscription.kind

    async def run(self) -> None:
        """Consume through every loss of broker or database; cancelled, end the batch at hand."""
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
                    ack_wait=_ACK_WAIT,
                    max_deliver=_MOST_DELIVERIES,
                    max_ack_pending=10 * _BATCH,
                ),
            )

    async def _consume(self) -> None:
        puller = Puller(self._bus, self._kind.stream, self._handling.consumer, _BATCH)
        async with puller.listening():
            while True:
                batch = asyncio.create_task(self._settle(await puller.next()))
                try:
                    await asyncio.shield(batch)
                except asyncio.CancelledError:
                    await batch
                    raise

    async def _settle(self, messages: Sequence[Msg]) -> None:
        """Bring every message to its end; while the infrastructure is away, wait for it."""
        left = {message.reply: message for message in messages}
        pause = _RETRY
        while left:
            try:
                await self._settle_some(left)
            except self._handling.transient as error:
                _log.warning("%s waits: %s", self._handling.consumer, type(error).__name__)
                await self._keep(list(left.values()))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_RETRY)

    async def _settle_some(self, left: dict[str, Msg]) -> None:
        """Settle messages, taking each one that is settled out of *left*."""
        deliveries = [d for message in list(left.values()) if (d := await self._read(message, left))]
        first = [delivery for delivery in deliveries if not delivery.again]
        if first and await self._settle_together(first, left):
            deliveries = [delivery for delivery in deliveries if delivery.again]
        for delivery in deliveries:
            settled = await self._handling.alone(delivery)
            del left[delivery.message.reply]
            if settled.retry_after is None:
                await self._acknowledge([delivery.message])
            else:
                await self._put_back(delivery.message, settled.retry_after)

    async def _settle_together(self, first: Sequence[Delivery], left: dict[str, Msg]) -> bool:
        try:
            await self._handling.together(first)
        except self._handling.transient:
            raise
        except Exception as error:
            _log.warning("%s takes a batch apart: %s", self._handling.consumer, type(error).__name__)
            return False
        for delivery in first:
            del left[delivery.message.reply]
        await self._acknowledge([delivery.message for delivery in first])
        return True

    async def _read(self, message: Msg, left: dict[str, Msg]) -> Delivery | None:
        try:
            return Delivery(message, *read(self._kind.message, message.data))
        except InvalidEvent as error:
            await self._handling.give_up(message, None, error, 1)
            del left[message.reply]
            await self._acknowledge([message])
            return None

    async def _acknowledge(self, messages: Sequence[Msg]) -> None:
        """Tell the broker; the last message waits for its answer. A lost one comes again."""
        *others, last = messages
        try:
            for message in others:
                await message.ack()
            failpoint("consumer.before_last_ack")
            await last.ack_sync()
        except BUS_ERRORS as error:
            _log.warning("%s: acknowledgement lost: %s", self._handling.consumer, type(error).__name__)

    async def _put_back(self, message: Msg, delay: float) -> None:
        try:
            await message.nak(delay=delay)
        except BUS_ERRORS as error:
            _log.warning("%s: put back lost: %s", self._handling.consumer, type(error).__name__)

    async def _keep(self, messages: Sequence[Msg]) -> None:
        try:
            for message in messages:
                await message.in_progress()
        except BUS_ERRORS as error:
            _log.warning("%s: sign of life lost: %s", self._handling.consumer, type(error).__name__)
