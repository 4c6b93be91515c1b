"""How often a consumer has tried the events that keep failing: the count that ends in a dead letter."""

import contextlib
from collections.abc import Collection
from uuid import UUID

from db_utils import Database, Transaction, clock, failpoint
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from nats_utils.tables import EventAttempt

_consumer = bindparam("consumer", type_=EventAttempt.consumer.type)
_event_id = bindparam("event_id", type_=Uuid)
_event_ids = bindparam("event_ids", type_=ARRAY(Uuid))
_now = bindparam("now", type_=EventAttempt.updated_at.type)
_mine = (EventAttempt.consumer == _consumer, EventAttempt.event_id == _event_id)
# One statement: replicas that are given the same message in turn count on, without reading first.
_BEGIN = (
    insert(EventAttempt)
    .values(consumer=_consumer, event_id=_event_id, attempts=1, updated_at=_now)
    .on_conflict_do_update(
        index_elements=["consumer", "event_id"],
        set_={"attempts": EventAttempt.attempts + 1, "updated_at": _now},
    )
    .returning(EventAttempt.attempts)
)
_UNDO = update(EventAttempt).where(*_mine).values(attempts=EventAttempt.attempts - 1)
_FORGET = delete(EventAttempt).where(*_mine)
_COUNTS = select(EventAttempt.event_id, EventAttempt.attempts).where(
    EventAttempt.consumer == _consumer, EventAttempt.event_id == any_(_event_ids)
)


class Attempts:
    """The attempts of *consumer*, each counted and committed before it is made.

    So an attempt that ends the process counts too. One that ends in an *infrastructure* failure
    does not: it is taken back.
    """

    def __init__(
        self, database: Database, consumer: str, infrastructure: tuple[type[Exception], ...]
    ) -> None:
        self._database, self._consumer, self._infrastructure = database, consumer, infrastructure
        self._not_undone: dict[UUID, int] = {}

    async def counts(self, event_ids: Collection[UUID]) -> dict[UUID, int]:
        """The number of attempts at those of *event_ids* that have any."""
        reader = self._database.read()
        return dict(await reader.all(_COUNTS, consumer=self._consumer, event_ids=list(event_ids)))

    async def begin(self, event_id: UUID) -> int:
        """Count one more attempt at the event; its number, from 1."""
        if event_id in self._not_undone:
            return self._not_undone.pop(event_id)
        async with self._database.transaction() as tx:
            number = await tx.one(_BEGIN, consumer=self._consumer, event_id=event_id, now=clock.now())
        failpoint("attempt.begun")
        assert number is not None
        return number

    async def undo(self, event_id: UUID, number: int) -> None:
        """Take back attempt *number*.

        While the database is away this is only remembered: the next attempt gets the number again.
        """
        self._not_undone[event_id] = number
        with contextlib.suppress(*self._infrastructure):
            async with self._database.transaction() as tx:
                await tx.execute(_UNDO, consumer=self._consumer, event_id=event_id)
            del self._not_undone[event_id]

    async def forget(self, tx: Transaction, event_id: UUID) -> None:
        """Drop in *tx* the count of an event that has come to its end."""
        await tx.execute(_FORGET, consumer=self._consumer, event_id=event_id)
