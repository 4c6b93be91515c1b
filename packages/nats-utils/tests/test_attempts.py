"""Attempts are counted before they are made, and taken back when the infrastructure ends them."""

from db_utils import Database, DatabaseUnavailable, uuid7
from nats_utils.attempts import Attempts
from tests.observing import allow_connections, attempts, end_sessions

CONSUMER = "c"


async def test_attempts_count_on_from_process_to_process(database: Database) -> None:
    """The count is in the database."""
    event_id = uuid7()
    begun = [await Attempts(database, CONSUMER, ()).begin(event_id) for _ in range(3)]
    counts = await Attempts(database, CONSUMER, ()).counts([event_id, uuid7()])
    assert (begun, counts) == ([1, 2, 3], {event_id: 3})


async def test_an_attempt_that_is_taken_back_does_not_count(database: Database) -> None:
    """The next one has its number."""
    counted, event_id = Attempts(database, CONSUMER, ()), uuid7()
    await counted.undo(event_id, await counted.begin(event_id))
    assert await attempts(database) == [0]
    assert await counted.begin(event_id) == 1


async def test_an_attempt_that_cannot_be_taken_back_counts_once(database: Database) -> None:
    """While the database is away, its number is kept for the next attempt, which adds nothing."""
    counted, event_id = Attempts(database, CONSUMER, (DatabaseUnavailable,)), uuid7()
    begun = await counted.begin(event_id)
    allow_connections(database, False)
    end_sessions(database)
    await counted.undo(event_id, begun)
    allow_connections(database, True)
    assert (begun, await counted.begin(event_id), await attempts(database)) == (1, 1, [1])
    assert await counted.begin(event_id) == 2


async def test_forgetting_is_part_of_the_transaction(database: Database) -> None:
    """The count goes with the effect."""
    counted, event_id = Attempts(database, CONSUMER, ()), uuid7()
    await counted.begin(event_id)
    async with database.transaction() as tx:
        await counted.forget(tx, event_id)
    assert await attempts(database) == []
