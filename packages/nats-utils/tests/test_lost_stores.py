"""A broker that has lost its store, a part of it, or a stream: everything is published again, once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, Transaction
from nats.js.api import AckPolicy, ConsumerConfig
from nats_utils import EVENTS_STREAM, STREAMS, Bus, Relay, RetryPolicy, declared
from nats_utils.bus import BUS_ERRORS
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from tests.observing import (
    CONSUMER,
    confirmed,
    consuming,
    during,
    effects_of,
    event,
    message_ids,
    open_bus,
    outbox,
    put,
)

from tests.temoin.service import SUBSCRIPTION, record_many
from tests.temoin.subscribers import count_event


@pytest.fixture
async def running(broker: EmbeddedNats, database: Database) -> AsyncIterator[Bus]:
    """A relay and a subscriber at work."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(open_bus(broker.url, declared()))
        await stack.enter_async_context(during(Relay(database, bus).run))
        await stack.enter_async_context(consuming(bus, database))
        yield bus


async def all_published_once(bus: Bus, database: Database, count: int) -> None:
    """Every event comes to be in the stream, and had one effect."""
    ids = {row.message_id for row in await outbox(database)}
    await eventually(lambda: _holds(bus, ids), timeout=40)
    assert len(await confirmed(database, count)) == count
    assert sorted(await effects_of(database, count)) == sorted(ids)


async def test_I3_a_broker_that_lost_its_store_gets_all_events_again(
    broker: EmbeddedNats, database: Database, running: Bus
) -> None:
    """Same ids, same order, no second effect."""
    await record_many(database, 700)
    await effects_of(database, 700)
    broker.kill()
    await eventually(lambda: not running.up)
    shutil.rmtree(broker.store)
    await record_many(database, 10)
    broker.start()
    await all_published_once(running, database, 710)
    assert await message_ids(running.js) == [row.message_id for row in await outbox(database)]


async def test_a_broker_restored_from_an_older_copy_gets_what_it_lacks(
    broker: EmbeddedNats, database: Database, running: Bus, tmp_path: Path
) -> None:
    """Exactly that: the stream has each id once."""
    await record_many(database, 30)
    await effects_of(database, 30)
    broker.stop()
    shutil.copytree(broker.store, tmp_path / "copy")
    broker.start()
    await record_many(database, 30)
    await effects_of(database, 60)
    broker.kill()
    await eventually(lambda: not running.up)
    shutil.rmtree(broker.store)
    shutil.copytree(tmp_path / "copy", broker.store)
    broker.start()
    await all_published_once(running, database, 60)
    assert await message_ids(running.js) == [row.message_id for row in await outbox(database)]


@pytest.mark.parametrize("block", [0, 1, -1], ids=["first", "middle", "last"])
async def test_a_broker_that_lost_a_block_file_gets_its_messages_again(
    broker: EmbeddedNats, database: Database, running: Bus, block: int
) -> None:
    """Wherever in the store it was."""
    for _ in range(4):
        await record_many(database, 5)
        for _ in range(28):
            await running.js.publish("crm.events.invoice.created", b"x" * 250_000)
    await effects_of(database, 20)
    broker.stop()
    files = (broker.store / "jetstream").rglob("CRM_EVENTS/msgs/*.blk")
    blocks = sorted(files, key=lambda file: int(file.stem))
    assert len(blocks) >= 3
    blocks[block].unlink()
    broker.start()
    await all_published_once(running, database, 20)


async def test_a_truncated_store_gets_its_end_again(
    broker: EmbeddedNats, database: Database, running: Bus
) -> None:
    """Half of the last block is what a power failure leaves."""
    await record_many(database, 200)
    await effects_of(database, 200)
    broker.kill()
    await eventually(lambda: not running.up)
    for file in (broker.store / "jetstream").rglob("CRM_EVENTS/msgs/*.blk"):
        with file.open("r+b") as content:
            content.truncate(file.stat().st_size // 2)
    broker.start()
    await all_published_once(running, database, 200)


@pytest.mark.parametrize("more", [0, 5])
async def test_a_stream_deleted_while_connected_is_filled_again(
    database: Database, running: Bus, more: int
) -> None:
    """With and without new events to notice it by."""
    await record_many(database, 20)
    await effects_of(database, 20)
    await running.js.delete_stream("CRM_EVENTS")
    if more:
        await record_many(database, more)
    await all_published_once(running, database, 20 + more)


async def test_a_relay_alone_notices_by_the_next_event_that_its_stream_was_deleted(
    broker: EmbeddedNats, database: Database
) -> None:
    """Also when somebody else has made the stream again meanwhile."""
    async with open_bus(broker.url, declared()) as bus, during(Relay(database, bus).run):
        await record_many(database, 20)
        await confirmed(database, 20)
        await bus.js.delete_stream("CRM_EVENTS")
        await bus.js.add_stream(STREAMS[0].config())
        await record_many(database, 1)
        ids = {row.message_id for row in await outbox(database)}
        await eventually(lambda: _holds(bus, ids))
        await confirmed(database, 21)


async def test_I4_a_late_acknowledgement_ends_no_message_of_a_new_store(
    broker: EmbeddedNats, database: Database
) -> None:
    """Another event stands at the place of the one that is acknowledged, delivered and not handled yet."""
    slow = Slow()
    async with open_bus(broker.url, declared()) as bus, consuming(bus, database, slow.subscription):
        ids = await put(bus.js, event())
        await slow.reached.wait()
        await empty(broker, bus)
        ids += await put(bus.js, event())
        await deliver_to_nobody(bus, 1)
        slow.goes_on.set()
        assert await effects_of(database, 2) == ids


@pytest.mark.parametrize("lost", ["store", "consumer"])
async def test_deliveries_of_a_former_consumer_do_not_hold_up_those_of_the_new_one(
    broker: EmbeddedNats, database: Database, lost: str
) -> None:
    """They are handled singly, and their acknowledgements, which nobody answers, hold nothing up."""
    slow = Slow(fails=True)
    async with open_bus(broker.url, declared()) as bus:
        ids = await put(bus.js, *(event() for _ in range(20)))
        async with consuming(bus, database, slow.subscription):
            await slow.reached.wait()
            if lost == "store":
                await empty(broker, bus)
            else:
                await bus.js.delete_consumer(EVENTS_STREAM, CONSUMER)
            ids += await put(bus.js, event())
            await deliver_to_nobody(bus, 0)
            slow.goes_on.set()
            assert await effects_of(database, 21) == ids


class Slow:
    """A subscription whose first event waits, then *fails* or is counted like the others."""

    def __init__(self, *, fails: bool = False) -> None:
        self.reached, self.goes_on, self._fails = asyncio.Event(), asyncio.Event(), fails
        policy = RetryPolicy(waits=(0.05,), silence=1.5)
        self.subscription = replace(SUBSCRIPTION, handler=self._handle, retry_policy=policy)

    async def _handle(self, one: ClientCreatedEvent, tx: Transaction) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.goes_on.wait()
            if self._fails:
                raise ValueError
        await count_event(one, tx)


async def empty(broker: EmbeddedNats, bus: Bus) -> None:
    """Take the broker's store away and let *bus* connect again."""
    broker.kill()
    await eventually(lambda: not bus.up)
    shutil.rmtree(broker.store)
    broker.start()
    await eventually(lambda: bus.up)


async def deliver_to_nobody(bus: Bus, count: int) -> None:
    """Make the consumer and have the broker deliver *count* messages to somebody who never answers."""
    config = ConsumerConfig(durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=1.5)
    await bus.js.add_consumer(EVENTS_STREAM, config)
    if count:
        pulling = await bus.js.pull_subscribe_bind(CONSUMER, EVENTS_STREAM)
        await pulling.fetch(count)
        await pulling.unsubscribe()


async def _holds(bus: Bus, ids: set[str]) -> bool:
    try:
        return ids <= set(await message_ids(bus.js))
    except BUS_ERRORS:
        return False  # not connected, or no stream yet
