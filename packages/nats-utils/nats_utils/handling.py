"""The database side of a subscription: claims and effects in one transaction, attempts, burials.

It says what is to become of a message and leaves the acknowledging to `subscriber.py`.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from db_utils import (
    Database,
    DatabaseUnavailable,
    InvalidText,
    InvalidValue,
    SerializationConflict,
    StatementTimeout,
    Transaction,
    clock,
    context,
    failpoint,
)
from google.protobuf.message import Message
from prometheus_client import Counter
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from nats_utils.dead_letters import GivenUp, bury
from nats_utils.events import InvalidEvent
from nats_utils.outbox import safe_correlation
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.subscription import Delivery, Subscription
from nats_utils.tables import EventAttempt

_log = logging.getLogger(__name__)

EVENT_TOTAL = Counter("crm_event_total", "Events dealt with.", ["consumer", "event", "result"])

_HOPELESS = (InvalidEvent, InvalidText, InvalidValue)  # what no further attempt can change
_INFRASTRUCTURE = (DatabaseUnavailable, StatementTimeout, SerializationConflict)
_MOST_LOOKUPS = 20  # at once
T = TypeVar("T")

_consumer = bindparam("consumer", type_=EventAttempt.consumer.type)
_event_id = bindparam("event_id", type_=Uuid)
_event_ids = bindparam("event_ids", type_=ARRAY(Uuid))
_now = bindparam("now", type_=EventAttempt.updated_at.type)
_mine = (EventAttempt.consumer == _consumer, EventAttempt.event_id == _event_id)
_BEGIN_ATTEMPT = (
    insert(EventAttempt)
    .values(consumer=_consumer, event_id=_event_id, attempts=1, updated_at=_now)
    .on_conflict_do_update(
        index_elements=["consumer", "event_id"],
        set_={"attempts": EventAttempt.attempts + 1, "updated_at": _now},
    )
    .returning(EventAttempt.attempts)
)
_UNDO_ATTEMPT = update(EventAttempt).where(*_mine).values(attempts=EventAttempt.attempts - 1)
_FORGET_ATTEMPTS = delete(EventAttempt).where(*_mine)
_ATTEMPTS = select(EventAttempt.event_id, EventAttempt.attempts).where(
    EventAttempt.consumer == _consumer, EventAttempt.event_id == any_(_event_ids)
)


class HandlerGivenUp(Exception):
    """A handler or look-up that cancelled itself, or whose statement took too long."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a message: acknowledged, or delivered again after *retry_after* seconds."""

    retry_after: float | None = None


DONE: Final = Settled()


class Handling:
    """One subscription of one service, against its database.

    *transient* are the errors of the infrastructure: they are no attempts and leave as they are.
    """

    def __init__(
        self,
        database: Database,
        consumer: str,
        subscription: Subscription,
        app: object,
        transient: tuple[type[Exception], ...] = (),
    ) -> None:
        self.consumer, self.subscription = consumer, subscription
        self.transient: tuple[type[Exception], ...] = (*_INFRASTRUCTURE, *transient)
        self._database, self._app = database, app
        self._repository = ProcessedEventsRepository(consumer)
        self._lookups = asyncio.Semaphore(_MOST_LOOKUPS)

    async def known(self, event_ids: Collection[UUID]) -> set[UUID]:
        """Those of *event_ids* that were dealt with before."""
        return await self._repository.known(self._database.read(), event_ids)

    async def attempts(self, event_ids: Collection[UUID]) -> dict[UUID, int]:
        """How often this consumer has failed at those of *event_ids* that it failed at."""
        return dict(
            await self._database.read().all(_ATTEMPTS, consumer=self.consumer, event_ids=list(event_ids))
        )

    async def together(self, deliveries: Sequence[Delivery]) -> None:
        """Claim and handle *deliveries* in one transaction: all of them, or an exception."""
        found = await asyncio.gather(*(self._look_up(delivery.event) for delivery in deliveries))
        async with self._database.transaction() as tx:
            failpoint("consumer.before_claim")
            name = self.subscription.kind.name
            fresh = await self._repository.claim(tx, [d.event_id for d in deliveries], name)
            failpoint("consumer.after_claim")
            effects = len(fresh)
            for delivery, result in zip(deliveries, found, strict=True):
                if delivery.event_id in fresh:
                    fresh.discard(delivery.event_id)
                    await self._handle(tx, delivery.event, result)
                    failpoint("consumer.in_batch")
            for delivery in deliveries:
                if delivery.again:
                    await self.forget_attempts(tx, delivery.event_id)
            failpoint("consumer.before_commit")
        failpoint("consumer.after_commit")
        self._count("effect", effects)
        self._count("duplicate", len(deliveries) - effects)

    async def alone(self, delivery: Delivery) -> Settled:
        """Handle one message, counting its failures, up to its burial. Raises transient errors.

        A message that was delivered before is counted before it is handled, so that one
        which ends the process each time runs out of attempts too.
        """
        if delivery.fault is not None:
            return await self._give_up(delivery, delivery.fault, 1)
        if delivery.again and not delivery.attempt:
            delivery.attempt = await self.begin_attempt(delivery.event_id)
        if delivery.attempt > self.subscription.patience.attempts:
            return await self._give_up(delivery, None, self.subscription.patience.attempts)
        try:
            await self.together([delivery])
        except self.transient:
            await self._undo_attempt(delivery)
            raise
        except _HOPELESS as error:
            return await self._give_up(delivery, error, max(delivery.attempt, 1))
        except Exception as error:
            return await self._failed(delivery, error)
        return DONE

    async def replay(self, tx: Transaction, event: Message) -> None:
        """Handle *event* once more in *tx*, for the replayer."""
        await self._handle(tx, event, await self._look_up(event))

    async def begin_attempt(self, event_id: UUID) -> int:
        """Count one more attempt at the event before it is made; its number, from 1."""
        async with self._database.transaction() as tx:
            attempt = await tx.one(_BEGIN_ATTEMPT, consumer=self.consumer, event_id=event_id, now=clock.now())
        failpoint("attempt.begun")
        assert attempt is not None
        return attempt

    async def undo_attempt(self, event_id: UUID) -> None:
        """Take back an attempt that the infrastructure has ended."""
        async with self._database.transaction() as tx:
            await tx.execute(_UNDO_ATTEMPT, consumer=self.consumer, event_id=event_id)

    async def forget_attempts(self, tx: Transaction, event_id: UUID) -> None:
        """Forget in *tx* how often the event has failed: it has come to its end."""
        await tx.execute(_FORGET_ATTEMPTS, consumer=self.consumer, event_id=event_id)

    async def _undo_attempt(self, delivery: Delivery) -> None:
        """Take the attempt back; while the database is away too, the next try goes on with it."""
        if delivery.attempt:
            with contextlib.suppress(*self.transient):
                await self.undo_attempt(delivery.event_id)
                delivery.attempt = 0

    async def _failed(self, delivery: Delivery, error: Exception) -> Settled:
        patience = self.subscription.patience
        attempt = delivery.attempt or await self.begin_attempt(delivery.event_id)
        _log.error("%s failed, attempt %d of %d", self.consumer, attempt, patience.attempts, exc_info=error)
        if attempt >= patience.attempts:
            return await self._give_up(delivery, error, attempt)
        self._count("failed", 1)
        return Settled(patience.waits[attempt - 1] * random.uniform(1.0, 1.2))

    async def _give_up(self, delivery: Delivery, error: Exception | None, attempts: int) -> Settled:
        """Move the message to the dead letters."""
        kind = self.subscription.kind
        async with self._database.transaction() as tx:
            buried = await bury(tx, GivenUp(self.consumer, kind, delivery, error, attempts))
            await self.forget_attempts(tx, delivery.event_id)
        failpoint("dead_letter.after_commit")
        if buried:
            _log.error("%s gave up a message: %s; see `crm dlq list`", self.consumer, type(error).__name__)
            self._count("dead", 1)
        return DONE

    async def _handle(self, tx: Transaction, event: Any, found: object) -> None:
        context.correlation_id.set(safe_correlation(event.correlation_id))
        more = () if self.subscription.lookup is None else (found,)
        try:
            await self._bounded(self.subscription.handler(event, tx, *more))
        except StatementTimeout as error:
            raise HandlerGivenUp("a statement took too long") from error

    async def _look_up(self, event: Any) -> object:
        if self.subscription.lookup is None:
            return None
        context.correlation_id.set(safe_correlation(event.correlation_id))
        async with self._lookups:
            return await self._bounded(self.subscription.lookup(event, self._app))

    async def _bounded(self, work: Awaitable[T]) -> T:
        """*work*, which neither lasts nor ends the consume loop by cancelling itself."""
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(self.subscription.patience.handler):
                return await work
        except asyncio.CancelledError:
            if task is not None and task.cancelling():
                raise
            raise HandlerGivenUp("cancelled itself") from None

    def _count(self, result: str, number: int) -> None:
        if number:
            EVENT_TOTAL.labels(self.consumer, self.subscription.kind.name, result).inc(number)
