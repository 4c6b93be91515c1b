"""What a consumer has already dealt with: the memory that makes every effect happen once."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from db_utils import Database, Reader, Transaction, clock
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from nats_utils.tables import EventAttempt, ProcessedEvent

__all__ = [
    "purge",
]

KEPT = timedelta(days=30)  # longer than the streams keep messages: a replay finds its claims
_PURGE_BATCH = 1000

_ids = bindparam("event_ids", type_=ARRAY(Uuid))
_CLAIM = (
    insert(ProcessedEvent)
    .from_select(
        ["consumer", "event_id", "event_type", "processed_at"],
        select(
            bindparam("consumer", type_=ProcessedEvent.consumer.type),
            func.unnest(_ids),
            bindparam("event_type", type_=ProcessedEvent.event_type.type),
            bindparam("processed_at", type_=ProcessedEvent.processed_at.type),
        ),
    )
    .on_conflict_do_nothing()
    .returning(ProcessedEvent.event_id)
)
_KNOWN = select(ProcessedEvent.event_id).where(
    ProcessedEvent.consumer == bindparam("consumer"), ProcessedEvent.event_id == any_(_ids)
)
_old = select(ProcessedEvent.consumer, ProcessedEvent.event_id).where(
    ProcessedEvent.processed_at < bindparam("before")
)
_FORGET = delete(ProcessedEvent).where(
    tuple_(ProcessedEvent.consumer, ProcessedEvent.event_id).in_(_old.limit(_PURGE_BATCH))
)
_FORGET_ATTEMPTS = delete(EventAttempt).where(EventAttempt.updated_at < bindparam("before"))


class ProcessedEventsRepository:
    """The processed events of one *consumer*, within the transaction of the effect."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer

    async def exists(self, tx: Transaction, event_id: UUID) -> bool:
        """Whether the event was dealt with. For questions; use a claim to decide on an effect."""
        return await tx.get(ProcessedEvent, (self.consumer, event_id)) is not None

    async def mark_processed(self, tx: Transaction, event_id: UUID, event_type: str) -> bool:
        """Claim the event; False when it was claimed before. A concurrent claim waits for *tx*."""
        return bool(await self.claim(tx, [event_id], event_type))

    async def claim(self, tx: Transaction, event_ids: Collection[UUID], event_type: str) -> set[UUID]:
        """Claim many events of one type at once; those that nobody had claimed before.

        The ids are sent sorted, so that two claims in parallel cannot deadlock.
        """
        claimed: Sequence[UUID] = await tx.all(
            _CLAIM,
            consumer=self.consumer,
            event_ids=sorted(set(event_ids)),
            event_type=event_type,
            processed_at=clock.now(),
        )
        return set(claimed)

    async def known(self, reader: Reader, event_ids: Collection[UUID]) -> set[UUID]:
        """Those of *event_ids* that were dealt with."""
        return set(await reader.all(_KNOWN, consumer=self.consumer, event_ids=list(event_ids)))


async def purge(database: Database) -> int:
    """Forget the processed events of more than 30 days ago, in small batches; their number."""
    before, purged = clock.now() - KEPT, 0
    async with database.transaction() as tx:
        await tx.execute(_FORGET_ATTEMPTS, before=before)
    while True:
        async with database.transaction() as tx:
            batch = await tx.execute(_FORGET, before=before)
        purged += batch
        if batch < _PURGE_BATCH:
            return purged
