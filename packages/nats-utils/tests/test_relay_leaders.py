"""Of several relays of one schema, one publishes; another takes over when it cannot any more."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from db_utils import Database, session_options
from nats_utils import Bus, Relay, declared
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from service_testing.freezing import frozen
from tests.observing import confirmed, during, message_ids, open_bus

from tests.temoin.service import record_many

_LOCKS = """
SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND pg_locks.granted AND datname = current_database()"""
_LAST_STATEMENT = "SELECT state_change FROM pg_stat_activity WHERE pid = %s"
_LOCK = "SELECT pg_advisory_lock(hashtextextended('crm-relay-temoin', 0))"


def leaders(url: str) -> list[int]:
    """The sessions that hold the leader's lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [pid for (pid,) in connection.execute(_LOCKS).fetchall()]


def terminate(url: str, pid: int) -> None:
    """End the session *pid*."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


@asynccontextmanager
async def relays(count: int, url: str, broker: EmbeddedNats) -> AsyncIterator[Database]:
    """*count* replicas, each with its own connections; the database of one of them."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            database = Database(url, "temoin")
            await database.open()
            stack.push_async_callback(database.close)
            bus = await stack.enter_async_context(open_bus(broker.url, declared()))
            await stack.enter_async_context(during(Relay(database, bus).run))
        yield database


async def test_one_of_two_relays_leads(url: str, broker: EmbeddedNats, bus: Bus) -> None:
    """Each event is published by the one that holds the lock."""
    async with relays(2, url, broker) as database:
        await record_many(database, 200)
        rows = await confirmed(database, 200)
        assert len(leaders(url)) == 1
    assert await message_ids(bus.js) == [row.message_id for row in rows]


async def test_another_relay_takes_over_when_the_session_of_the_leader_ends(
    url: str, broker: EmbeddedNats, bus: Bus
) -> None:
    """The lock ends with its session, and so does the right to record anything."""
    async with relays(2, url, broker) as database:
        for round_ in range(1, 4):
            (leader,) = await eventually(lambda: leaders(url))
            terminate(url, leader)
            await record_many(database, 50)
            rows = await confirmed(database, 50 * round_)
    assert await message_ids(bus.js) == [row.message_id for row in rows]


async def test_a_leader_that_lost_its_session_records_nothing(
    url: str, broker: EmbeddedNats, bus: Bus
) -> None:
    """Confirmations that arrive after the session has ended are not written down by it."""
    async with relays(1, url, broker) as database:
        (leader,) = await eventually(lambda: leaders(url))
        with frozen(broker.pid):
            await record_many(database, 20)
            committed = datetime.now(UTC)
            await eventually(lambda: last_statement(url, leader) > committed)  # its window is under way
            terminate(url, leader)
        rows = await confirmed(database, 20)
        assert leader not in leaders(url)
    assert await message_ids(bus.js) == [row.message_id for row in rows]


async def test_a_frozen_leader_loses_the_lock(url: str, database: Database, bus: Bus) -> None:
    """A session that is silent for longer than *frozen_after* is ended by PostgreSQL."""
    options = session_options("temoin") + " -c idle_session_timeout=1000"
    with psycopg.connect(url, autocommit=True, options=options) as silent:
        silent.execute(_LOCK)
        await record_many(database, 1)
        async with during(Relay(database, bus).run):
            await confirmed(database, 1)
        with pytest.raises(psycopg.OperationalError, match="idle-session timeout"):
            silent.execute("SELECT 1")


async def test_a_leader_without_a_broker_keeps_its_session(url: str, broker: EmbeddedNats) -> None:
    """Waiting for a broker longer than *frozen_after* is not being frozen."""
    async with AsyncExitStack() as stack:
        database = Database(url, "temoin")
        await database.open()
        stack.push_async_callback(database.close)
        bus = await stack.enter_async_context(open_bus(broker.url, declared()))
        relay = Relay(database, bus, frozen_after=timedelta(seconds=3))
        await stack.enter_async_context(during(relay.run))
        await record_many(database, 1)
        await confirmed(database, 1)
        (leader,) = leaders(url)
        broker.kill()
        since = last_statement(url, leader)
        await eventually(lambda: last_statement(url, leader) > since + timedelta(seconds=4))
        assert leaders(url) == [leader]


def last_statement(url: str, pid: int) -> datetime:
    """When session *pid* has ended its last statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT state_change FROM pg_stat_activity WHERE pid = %s", (pid,)
        ).fetchone()
        assert row is not None, "the session has ended"
        changed: datetime = row[0]
        return changed
