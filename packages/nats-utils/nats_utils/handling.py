"""The database side of a subscription: claims and effects of a batch in one transaction, failures singly.

It decides the outcome of each delivery; `subscriber.py` tells the broker.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeVar
from uuid import UUID

from db_utils import (
    Database,
    DatabaseUnavailable,
    InvalidText,
    InvalidValue,
    SerializationConflict,
    StatementTimeout,
    Transaction,
    context,
    failpoint,
)
from google.protobuf.message import Message
from prometheus_client import Counter
from trace_utils import one_commit, tracer_of

from nats_utils.attempts import Attempts
from nats_utils.dead_letters import GivenUp, write_dead_letter
from nats_utils.deliveries import DONE, Delivery, Outcome
from nats_utils.events import InvalidEvent
from nats_utils.outbox import safe_correlation
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.subscription import Subscription
from nats_utils.traced_events import HandlerSpans, Headers

_log = logging.getLogger(__name__)

EVENT_TOTAL = Counter("crm_event_total", "Events dealt with.", ["consumer", "event", "result"])
_RESULTS = ("effect", "duplicate", "failed", "dead")

_HOPELESS = (InvalidEvent, InvalidText, InvalidValue)  # no further attempt can end otherwise
_INFRASTRUCTURE = (DatabaseUnavailable, StatementTimeout, SerializationConflict)
_MOST_LOOKUPS = 20  # at once, so that a batch of 200 does not flood the service that is asked
T = TypeVar("T")


class HandlerGivenUp(Exception):
    """A handler or look-up that cancelled itself, or whose statement took too long."""


class Handling:
    """*subscription* of one service, handled against the service's *database*.

    *app* is what look-ups get. *infrastructure* names errors that mean an infrastructure failure,
    besides those of the database. They count as no attempt and leave every method as they are;
    the caller waits and calls again.
    """

    def __init__(
        self,
        database: Database,
        consumer: str,
        subscription: Subscription,
        app: object,
        infrastructure: tuple[type[Exception], ...] = (),
    ) -> None:
        self.consumer, self.subscription = consumer, subscription
        self.infrastructure: tuple[type[Exception], ...] = (*_INFRASTRUCTURE, *infrastructure)
        self.attempts = Attempts(database, consumer, self.infrastructure)
        self._database, self._app = database, app
        self._kind, self._retry_policy = subscription.kind, subscription.retry_policy
        self._processed_events = ProcessedEventsRepository(consumer)
        self._lookups = asyncio.Semaphore(_MOST_LOOKUPS)
        tracer = tracer_of(database.schema)
        self._spans = HandlerSpans(tracer, consumer, self._kind) if tracer is not None else None
        self._counted = {one: EVENT_TOTAL.labels(consumer, self._kind.name, one) for one in _RESULTS}

    async def known(self, event_ids: Collection[UUID]) -> set[UUID]:
        """Those of *event_ids* that have had their effect or became dead letters."""
        return await self._processed_events.known(self._database.read(), event_ids)

    async def batch(self, deliveries: Sequence[Delivery]) -> None:
        """Claim and handle *deliveries* in one transaction: all of them, or an exception and none."""
        found: Iterable[tuple[object, ...]] = repeat(())
        if self.subscription.lookup is not None:  # before the transaction: no lock waits for the network
            found = await asyncio.gather(
                *[self._look_up(one.event, one.message.headers) for one in deliveries]
            )
        with one_commit():
            await self._commit(deliveries, found)

    async def _commit(self, deliveries: Sequence[Delivery], found: Iterable[tuple[object, ...]]) -> None:
        """Claim and handle *deliveries*, for which look-ups have *found* what there is, and commit."""
        async with self._database.transaction() as tx:
            failpoint("consumer.before_claim")
            event_ids = [delivery.event_id for delivery in deliveries]
            claimed = await self._processed_events.claim(tx, event_ids, self._kind.name)
            failpoint("consumer.after_claim")
            effects = len(claimed)
            for delivery, more in zip(deliveries, found, strict=False):
                if delivery.event_id in claimed:
                    claimed.discard(delivery.event_id)  # a batch may hold one event twice
                    await self._handle(delivery.event, delivery.message.headers, tx, *more)
                    failpoint("consumer.in_batch")
                if delivery.again:
                    await self.attempts.forget(tx, delivery.event_id)
            failpoint("consumer.before_commit")
        failpoint("consumer.after_commit")
        self._counted["effect"].inc(effects)
        self._counted["duplicate"].inc(len(deliveries) - effects)

    async def single(self, delivery: Delivery) -> Outcome:
        """Handle one delivery whose batch has failed, or that the broker had delivered before.

        In the latter case the attempt is counted before it is made: a message that ends the
        process each time runs out of attempts too.
        """
        if delivery.fault is not None:
            return await self._give_up(delivery, delivery.fault, 1)
        attempt = await self.attempts.begin(delivery.event_id) if delivery.again else 0
        try:
            return await self._attempt(delivery, attempt)
        except self.infrastructure:
            if attempt:
                await self.attempts.undo(delivery.event_id, attempt)
            raise

    async def _attempt(self, delivery: Delivery, attempt: int) -> Outcome:
        if attempt > self._retry_policy.attempts:
            return await self._give_up(delivery, None, self._retry_policy.attempts)
        try:
            await self.batch([delivery])
        except self.infrastructure:
            raise
        except Exception as error:
            return await self.failed(delivery, error, attempt)
        return DONE

    async def failed(self, delivery: Delivery, error: Exception, attempt: int = 0) -> Outcome:
        """Count that a batch of *delivery* alone has raised *error*; it comes again or is given up.

        *attempt* is the number of the attempt if it was counted before.
        """
        if isinstance(error, _HOPELESS):
            return await self._give_up(delivery, error, attempt or 1)
        attempt = attempt or await self.attempts.begin(delivery.event_id)
        most = self._retry_policy.attempts
        _log.error("%s failed, attempt %d of %d", self.consumer, attempt, most, exc_info=error)
        if attempt >= most:
            return await self._give_up(delivery, error, attempt)
        self._counted["failed"].inc()
        return Outcome(retry_after=self._retry_policy.waits[attempt - 1] * random.uniform(1.0, 1.2))

    async def replay(self, tx: Transaction, event: Message, headers: Headers) -> None:
        """Look up and handle *event* in *tx*; its claim is that of the dead letter, *headers* its trace."""
        found = await self._look_up(event, headers)
        await self._handle(event, headers, tx, *found)

    async def _handle(self, event: Any, headers: Headers, *more: object) -> None:
        if self._spans is None:
            return await self._bounded(self.subscription.handler, event, *more)
        with self._spans.current("process", event.event_id, headers):
            return await self._bounded(self.subscription.handler, event, *more)

    async def _look_up(self, event: Any, headers: Headers) -> tuple[object, ...]:
        """What the handler gets after event and transaction: the result of the look-up, if there is one."""
        if self.subscription.lookup is None:
            return ()
        async with self._lookups:
            if self._spans is None:
                return (await self._bounded(self.subscription.lookup, event, self._app),)
            with self._spans.current("look up", event.event_id, headers):
                return (await self._bounded(self.subscription.lookup, event, self._app),)

    async def _bounded(self, function: Callable[..., Awaitable[T]], event: Any, *more: object) -> T:
        """Call a handler or look-up under the correlation id of *event*, for its time at most.

        Raises HandlerGivenUp instead of what would end the loop, or make it wait for nothing.
        """
        context.correlation_id.set(safe_correlation(event.correlation_id))
        try:
            async with asyncio.timeout(self._retry_policy.handler):
                return await function(event, *more)
        except StatementTimeout as error:
            raise HandlerGivenUp("a statement took too long") from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise HandlerGivenUp("cancelled itself") from None

    async def _give_up(self, delivery: Delivery, error: Exception | None, attempts: int) -> Outcome:
        """Make the message a dead letter, unless its event was dealt with before."""
        given_up = GivenUp(self.consumer, self._kind, delivery, error, attempts)
        async with self._database.transaction() as tx:
            written = await write_dead_letter(tx, given_up)
            await self.attempts.forget(tx, delivery.event_id)
        failpoint("dead_letter.after_commit")
        if written:
            _log.error("%s gave up a message: %s; see `crm dlq list`", self.consumer, type(error).__name__)
            self._counted["dead"].inc()
        return DONE
