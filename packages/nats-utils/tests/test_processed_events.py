"""The claims that keep an event from a second effect."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from db_utils import Database, clock, purge, uuid7
from nats_utils import ProcessedEventsRepository
from nats_utils.processed_events import RETENTIONS
from nats_utils.tables import ProcessedEvent
from sqlalchemy import func, select

KIND = "client.created"
NOW = datetime(2026, 3, 31, tzinfo=UTC)


async def test_marking_is_for_once(database: Database) -> None:
    """The second mark of an event says that it is known."""
    events, event_id = ProcessedEventsRepository("c"), uuid7()
    async with database.transaction() as tx:
        assert not await events.exists(tx, event_id)
        assert await events.mark_processed(tx, event_id, KIND)
        assert await events.exists(tx, event_id)
    async with database.transaction() as tx:
        assert not await events.mark_processed(tx, event_id, KIND)


async def test_each_consumer_has_its_own_claims(database: Database) -> None:
    """An event that one consumer has claimed is free for another."""
    event_id = uuid7()
    async with database.transaction() as tx:
        marks = [await ProcessedEventsRepository(c).mark_processed(tx, event_id, KIND) for c in "ab"]
    assert marks == [True, True]


async def test_a_claim_gives_what_nobody_had_claimed(database: Database) -> None:
    """Known ids and repetitions are left out."""
    events, ids = ProcessedEventsRepository("c"), [uuid7() for _ in range(6)]
    async with database.transaction() as tx:
        assert await events.claim(tx, ids[:3], KIND) == set(ids[:3])
    async with database.transaction() as tx:
        assert await events.claim(tx, [*ids, ids[5]], KIND) == set(ids[3:])
    assert await events.known(database.read(), [*ids, uuid7()]) == set(ids)


async def test_a_rolled_back_claim_is_none(database: Database) -> None:
    """The claim shares the fate of the effect."""
    events, event_id = ProcessedEventsRepository("c"), uuid7()
    try:
        async with database.transaction() as tx:
            await events.mark_processed(tx, event_id, KIND)
            raise RuntimeError
    except RuntimeError:
        pass
    assert await events.known(database.read(), [event_id]) == set()


async def test_claims_in_parallel_share_the_events_without_deadlock(database: Database) -> None:
    """Twenty claims of the same ids in different orders: each id is won once."""
    events, ids = ProcessedEventsRepository("c"), [uuid7() for _ in range(200)]

    async def claim(turn: int) -> set[UUID]:
        async with database.transaction() as tx:
            return await events.claim(tx, ids[turn:] + ids[:turn], KIND)

    won = await asyncio.gather(*(claim(turn * 10) for turn in range(20)))
    assert sorted(event_id for part in won for event_id in part) == ids


async def test_events_are_remembered_for_thirty_days(database: Database) -> None:
    """A claim of 31 days is purged, one of 29 days stays: longer than the stream keeps messages."""
    ages = {days: uuid7() for days in (0, 29, 31, 400)}
    async with database.transaction() as tx:
        for days, event_id in ages.items():
            await tx.insert(
                ProcessedEvent(
                    consumer="c",
                    event_id=event_id,
                    event_type=KIND,
                    processed_at=NOW - timedelta(days=days),
                )
            )
    with clock.frozen_at(NOW):
        assert await purge(database, *RETENTIONS) == 2
    kept = await database.read().all(select(ProcessedEvent.event_id))
    assert set(kept) == {ages[0], ages[29]}


async def test_a_large_purge_goes_in_batches_to_its_end(database: Database) -> None:
    """More rows than one batch are all forgotten."""
    async with database.transaction() as tx:
        for _ in range(2500):
            await tx.insert(
                ProcessedEvent(
                    consumer="c",
                    event_id=uuid7(),
                    event_type=KIND,
                    processed_at=NOW - timedelta(days=31),
                )
            )
    with clock.frozen_at(NOW):
        assert await purge(database, *RETENTIONS) == 2500
    assert await database.read().one(select(func.count()).select_from(ProcessedEvent)) == 0
