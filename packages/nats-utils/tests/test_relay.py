"""The relay publishes every row of the outbox, whatever happens to the broker."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from db_utils import Database, clock, uuid7
from nats_utils import STREAMS, Bus, Relay, declared
from nats_utils.tables import OutboxRow
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from service_testing.freezing import frozen
from tests.observing import SUBJECT, confirmed, during, message_ids, open_bus, outbox

from tests.temoin.service import record_many


async def write_at_once(database: Database, writers: int, dossiers: int) -> None:
    """Have *writers* record 40 entries each, in turn for *dossiers*, as many as have connections at once.

    Those of one dossier wait for each other: more of them would wait for a connection longer than
    the pool lets anybody wait, and for the row longer than a statement may take.
    """
    connections = asyncio.Semaphore(5)  # of the ten: the others are for whoever looks on

    async def write(number: int) -> None:
        async with connections:
            await record_many(database, 40, f"d{number % dossiers}")

    await asyncio.gather(*map(write, range(writers)))


async def insert(database: Database, payload: bytes = b"", created_at: datetime | None = None) -> str:
    """Write a row of the outbox directly; its message id."""
    message_id = str(uuid7())
    async with database.transaction() as tx:
        tx.insert_at_commit(
            OutboxRow(
                message_id=message_id,
                stream="CRM_EVENTS",
                subject=SUBJECT,
                payload=payload,
                headers={},
                created_at=created_at or clock.now(),
            )
        )
    return message_id


async def test_I5_events_about_one_row_are_published_in_the_order_of_its_changes(
    database: Database, bus: Bus
) -> None:
    """Many writers while the relay is at work; each message is where its row says."""
    async with during(Relay(database, bus).run):
        await write_at_once(database, 30, dossiers=1)
        rows = await confirmed(database, 1200)
    stored = await message_ids(bus.js)
    assert [row.message_id for row in rows] == stored
    assert [row.stream_sequence for row in rows] == list(range(1, 1201))


async def test_what_many_writers_left_is_published_in_the_order_of_ids(database: Database, bus: Bus) -> None:
    """More than two windows."""
    await write_at_once(database, 30, dossiers=30)
    async with during(Relay(database, bus).run):
        rows = await confirmed(database, 1200)
    assert [row.message_id for row in rows] == await message_ids(bus.js)


async def test_what_is_recorded_before_the_relay_starts_is_published(database: Database, bus: Bus) -> None:
    """The rows of a process that was killed are published by the next one."""
    await record_many(database, 3)
    async with during(Relay(database, bus).run):
        await confirmed(database, 3)


async def test_a_change_of_the_outbox_does_not_stop_the_relay(
    database: Database, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on with the next window, on the session it has."""
    async with during(Relay(database, bus).run):
        await record_many(database, 1)
        await confirmed(database, 1)
        async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as owner:
            await owner.execute(f"ALTER TABLE {database.schema}.outbox ALTER COLUMN subject TYPE text")
        await record_many(database, 1)
        await confirmed(database, 2)
    assert "relay starts again" not in caplog.text


async def test_events_recorded_while_the_broker_is_away_arrive_after(
    database: Database, broker: EmbeddedNats, bus: Bus
) -> None:
    """The outbox waits; the order stays."""
    async with during(Relay(database, bus).run):
        await record_many(database, 5)
        await confirmed(database, 5)
        broker.kill()
        await eventually(lambda: not bus.up)
        await record_many(database, 5)
        broker.start()
        rows = await confirmed(database, 10)
    assert await message_ids(bus.js) == [row.message_id for row in rows]


async def test_a_window_without_confirmation_is_published_again_under_the_same_ids(
    database: Database, broker: EmbeddedNats, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """A frozen broker has stored what it did not confirm; the stream has each id once."""
    async with during(Relay(database, bus).run):
        await record_many(database, 1)
        await confirmed(database, 1)
        with frozen(broker.pid), caplog.at_level(logging.WARNING, "nats_utils.publisher"):
            await record_many(database, 300)
            await eventually(lambda: "a window was interrupted" in caplog.text)
        rows = await confirmed(database, 301)
    assert await message_ids(bus.js) == [row.message_id for row in rows]


async def test_a_refused_event_waits_and_holds_up_no_other(database: Database, broker: EmbeddedNats) -> None:
    """It is not taken for a published one, and published once the broker takes it."""
    async with open_bus(broker.url, ()) as bus, during(Relay(database, bus).run):
        config = STREAMS[0].config()
        config.max_msg_size = 200
        await bus.js.add_stream(config)
        small, large = await insert(database), await insert(database, b"x" * 300)
        other = await insert(database)
        await eventually(lambda: _stored(bus, 2))
        assert await message_ids(bus.js) == [small, other]
        assert [row.message_id for row in await outbox(database) if not row.stream_sequence] == [large]
        config.max_msg_size = -1
        await bus.js.update_stream(config)
        await confirmed(database, 3)
        assert await message_ids(bus.js) == [small, other, large]


async def _stored(bus: Bus, count: int) -> bool:
    return (await bus.js.stream_info("CRM_EVENTS")).state.messages >= count


async def test_large_events_are_published_in_windows_of_four_megabytes(database: Database, bus: Bus) -> None:
    """Sixty events of 250 kB are more than one window and less memory than all of them."""
    for _ in range(60):
        await insert(database, b"x" * 250_000)
    async with during(Relay(database, bus).run):
        rows = await confirmed(database, 60)
    assert await message_ids(bus.js) == [row.message_id for row in rows]


async def test_a_stream_that_is_missing_is_declared_again(database: Database, broker: EmbeddedNats) -> None:
    """Also when nobody else is there to do it, and when the relay has published nothing yet."""
    async with open_bus(broker.url, declared()) as bus:
        await bus.js.delete_stream("CRM_EVENTS")
        async with during(Relay(database, bus).run):
            await record_many(database, 1)
            await confirmed(database, 1)


async def test_confirmed_rows_are_forgotten_after_the_stream_has_forgotten_them(
    database: Database, bus: Bus
) -> None:
    """Rows stay a day longer than the fourteen days of the stream; unpublished ones always."""
    now = datetime(2026, 3, 31, tzinfo=UTC)
    for days in (16, 14, 1):
        await insert(database, created_at=now - timedelta(days=days))
    async with during(Relay(database, bus).run):
        await confirmed(database, 3)
    pending = await insert(database, created_at=now - timedelta(days=40))
    with clock.frozen_at(now):
        async with during(Relay(database, bus).run):
            rows = await confirmed(database, 3)
    ages = [(now - row.created_at).days for row in rows]
    assert (ages, rows[-1].message_id) == ([14, 1, 40], pending)


async def test_rest_lets_the_last_events_go(database: Database, bus: Bus) -> None:
    """A service that stops leaves nothing unpublished that could have been published."""
    relay = Relay(database, bus)
    async with during(relay.run):
        await record_many(database, 700)
        await relay.rest(20)
        assert [row for row in await outbox(database) if row.stream_sequence is None] == []


async def test_rest_does_not_wait_for_a_broker_that_is_away(
    database: Database, broker: EmbeddedNats, bus: Bus
) -> None:
    """What cannot be published waits for another process."""
    relay = Relay(database, bus)
    async with during(relay.run):
        await record_many(database, 1)
        await confirmed(database, 1)
        broker.kill()
        await eventually(lambda: not bus.up)
        await record_many(database, 1)
        await asyncio.wait_for(relay.rest(60), 20)
