"""The events that a consumer has dealt with: claims, which keep each of them from a second effect."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from db_utils import Reader, Retention, Transaction, clock
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from nats_utils.tables import EventAttempt, ProcessedEvent

__all__ = [
    "RETENTIONS",
]

KEPT = timedelta(days=30)  # longer than the streams keep messages (14 days), so that none outlives its claim
RETENTIONS = (
    Retention(EventAttempt, EventAttempt.updated_at, KEPT),
    Retention(ProcessedEvent, ProcessedEvent.processed_at, KEPT),
)

_ids = bindparam("event_ids", type_=ARRAY(Uuid))
# One statement that inserts and tells what it inserted: reading first would let two replicas
# find the same event unclaimed. A concurrent claim of an id waits for the end of this one.
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


class ProcessedEventsRepository:
    """The processed events of *consumer*: each one had its effect, or became a dead letter."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer

    async def exists(self, tx: Transaction, event_id: UUID) -> bool:
        """Whether the event was dealt with. Only a claim may decide on an effect: see `mark_processed`."""
        return await tx.get(ProcessedEvent, (self.consumer, event_id)) is not None

    async def mark_processed(self, tx: Transaction, event_id: UUID, event_type: str) -> bool:
        """Claim the event for *tx*; False when it was claimed before. A concurrent claim waits for *tx*."""
        return bool(await self.claim(tx, [event_id], event_type))

    async def claim(self, tx: Transaction, event_ids: Collection[UUID], event_type: str) -> set[UUID]:
        """Claim events of one type for *tx*; the ids that had not been claimed before."""
        claimed: Sequence[UUID] = await tx.all(
            _CLAIM,
            consumer=self.consumer,
            event_ids=sorted(set(event_ids)),  # in one order, or two claims at once could deadlock
            event_type=event_type,
            processed_at=clock.now(),
        )
        return set(claimed)

    async def known(self, reader: Reader, event_ids: Collection[UUID]) -> set[UUID]:
        """The ids among *event_ids* that were dealt with."""
        return set(await reader.all(_KNOWN, consumer=self.consumer, event_ids=list(event_ids)))
