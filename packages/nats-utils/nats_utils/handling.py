"""The database side of a subscription: claims and effects in one transaction, attempts, burials.

It says what is to become of a message and leaves the acknowledging to `subscriber.py`.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from db_utils import (
    Database,
    DatabaseUnavailable,
    InvalidText,
    InvalidValue,
    StatementTimeout,
    Transaction,
    clock,
    context,
    failpoint,
)
from google.protobuf.message import Message
from nats.aio.msg import Msg
from prometheus_client import Counter
from sqlalchemy import Uuid, bindparam, delete, update
from sqlalchemy.dialects.postgresql import insert

from nats_utils.dead_letters import GivenUp, bury
from nats_utils.events import InvalidEvent
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.subscription import Delivery, Subscription
from nats_utils.tables import EventAttempt

_log = logging.getLogger(__name__)

EVENT_TOTAL = Counter("crm_event_total", "Events dealt with.", ["consumer", "event", "result"])

MOST_ATTEMPTS: Final = 5
WAITS: Final = (1.0, 5.0, 30.0, 120.0)  # seconds after each failed attempt but the last (C13)
_HOPELESS = (InvalidEvent, InvalidText, InvalidValue)  # what no further attempt can change
_HANDLER_TIMEOUT = 10.0
_MOST_LOOKUPS = 20  # at once

_consumer = bindparam("consumer", type_=EventAttempt.consumer.type, required=True)
_event_id = bindparam("event_id", type_=Uuid, required=True)
_now = bindparam("now", type_=EventAttempt.updated_at.type, required=True)
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
        self.transient: tuple[type[Exception], ...] = (DatabaseUnavailable, StatementTimeout, *transient)
        self._database, self._app = database, app
        self._repository = ProcessedEventsRepository(consumer)
        self._lookups = asyncio.Semaphore(_MOST_LOOKUPS)

    async def together(self, deliveries: Sequence[Delivery]) -> None:
        """Claim and handle *deliveries* in one transaction: all of them, or an exception."""
        found = await asyncio.gather(*(self._look_up(delivery.event) for delivery in deliveries))
        async with self._database.transaction() as tx:
            name = self.subscription.kind.name
            fresh = await self._repository.claim(tx, [d.event_id for d in deliveries], name)
            failpoint("consumer.after_claim")
            effects = 0
            for delivery, result in zip(deliveries, found, strict=True):
                if delivery.event_id in fresh:
                    fresh.discard(delivery.event_id)
                    await self.handle(tx, delivery.event, result)
                    effects += 1
            for delivery in deliveries:
                if delivery.again:
                    await tx.execute(_FORGET_ATTEMPTS, consumer=self.consumer, event_id=delivery.event_id)
        failpoint("consumer.after_commit")
        self._count("effect", effects)
        self._count("duplicate", len(deliveries) - effects)

    async def alone(self, delivery: Delivery) -> Settled:
        """Handle one message, counting its failures, up to its burial. Raises transient errors.

        A message that was delivered before is counted before it is handled, so that one
        which ends the process each time runs out of attempts too.
        """
        attempt = await self._begin_attempt(delivery.event_id) if delivery.again else 0
        if attempt > MOST_ATTEMPTS:
            return await self.give_up(delivery.message, delivery.event_id, None, MOST_ATTEMPTS)
        try:
            await self.together([delivery])
        except self.transient:
            if attempt:
                await self._write(_UNDO_ATTEMPT, delivery.event_id)
            raise
        except _HOPELESS as error:
            return await self.give_up(delivery.message, delivery.event_id, error, max(attempt, 1))
        except Exception as error:
            attempt = attempt or await self._begin_attempt(delivery.event_id)
            _log.error("%s failed, attempt %d of %d", self.consumer, attempt, MOST_ATTEMPTS, exc_info=error)
            if attempt >= MOST_ATTEMPTS:
                return await self.give_up(delivery.message, delivery.event_id, error, attempt)
            self._count("failed", 1)
            return Settled(WAITS[attempt - 1] * random.uniform(1.0, 1.2))
        return DONE

    async def give_up(
        self, message: Msg, event_id: UUID | None, error: Exception | None, attempts: int
    ) -> Settled:
        """Move *message* to the dead letters."""
        kind = self.subscription.kind
        async with self._database.transaction() as tx:
            buried = await bury(tx, GivenUp(self.consumer, kind, message, event_id, error, attempts))
            if event_id is not None:
                await tx.execute(_FORGET_ATTEMPTS, consumer=self.consumer, event_id=event_id)
        failpoint("dead_letter.after_commit")
        if buried:
            _log.error("%s gave up a message: %s; see `crm dlq list`", self.consumer, type(error).__name__)
            self._count("dead", 1)
        return DONE

    async def replay(self, tx: Transaction, event: Message) -> None:
        """Handle *event* once more in *tx*, for the replayer."""
        await self.handle(tx, event, await self._look_up(event))

    async def handle(self, tx: Transaction, event: Any, found: object) -> None:
        """Run the handler in *tx*, at most ten seconds long."""
        context.correlation_id.set(event.correlation_id)
        more = () if self.subscription.lookup is None else (found,)
        async with asyncio.timeout(_HANDLER_TIMEOUT):
            await self.subscription.handler(event, tx, *more)

    async def _look_up(self, event: Any) -> object:
        if self.subscription.lookup is None:
            return None
        context.correlation_id.set(event.correlation_id)
        async with self._lookups:
            return await self.subscription.lookup(event, self._app)

    async def _begin_attempt(self, event_id: UUID) -> int:
        async with self._database.transaction() as tx:
            attempt = await tx.one(_BEGIN_ATTEMPT, consumer=self.consumer, event_id=event_id, now=clock.now())
        assert attempt is not None
        return attempt

    async def _write(self, statement: Any, event_id: UUID) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(statement, consumer=self.consumer, event_id=event_id)

    def _count(self, result: str, number: int) -> None:
        if number:
            EVENT_TOTAL.labels(self.consumer, self.subscription.kind.name, result).inc(number)
