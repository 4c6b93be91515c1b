"""The consume loop: every event has one effect, however often it is delivered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, Transaction, session_options
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats_utils import Bus, Relay, RetryPolicy, Subscription, connect_once
from nats_utils.events import EVENTS_STREAM
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from tests.observing import (
    CONSUMER,
    SUBJECT,
    at_rest,
    attempts,
    consuming,
    during,
    effects,
    effects_of,
    event,
    put,
)

from tests.temoin.service import SUBSCRIPTION, record_many
from tests.temoin.subscribers import count_event

Handler = Callable[[ClientCreatedEvent, Transaction], Awaitable[None]]


def with_handler(handler: Handler, **retry_policy: Any) -> Subscription:
    """The subscription of the tests with another handler."""
    return replace(SUBSCRIPTION, handler=handler, retry_policy=RetryPolicy(**retry_policy))


class Gate:
    """A handler that waits for the gate to open, then counts its event."""

    def __init__(self) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def handle(self, event: ClientCreatedEvent, tx: Transaction) -> None:
        """Note the arrival, wait, count the event."""
        self.reached.set()
        await self.open.wait()
        await count_event(event, tx)


async def test_five_deliveries_have_one_effect(bus: Bus, database: Database) -> None:
    """One event under five message ids, and in a batch with itself."""
    one, other = event(), event()
    await put(bus.js, one, one, other, one, one, one, other)
    async with consuming(bus, database):
        await at_rest(bus.js)
    assert await effects(database) == [one.event_id, other.event_id]


async def test_events_that_come_one_by_one_are_handled_one_by_one(bus: Bus, database: Database) -> None:
    """Each has its effect before the next one is published."""
    async with consuming(bus, database):
        ids: list[str] = []
        for number in range(10):
            ids += await put(bus.js, event())
            assert await effects_of(database, number + 1) == ids


async def test_a_batch_is_one_transaction(bus: Bus, database: Database) -> None:
    """Two hundred waiting events cost a few commits."""
    await put(bus.js, *(event() for _ in range(200)))
    async with consuming(bus, database):
        await effects_of(database, 200)
    options = session_options(database.schema)
    async with await psycopg.AsyncConnection.connect(database.url, options=options) as connection:
        commits = await (await connection.execute("SELECT count(DISTINCT xmin::text) FROM effets")).fetchone()
    assert commits is not None
    assert commits[0] <= 5


async def test_the_events_of_an_aggregate_are_applied_in_order(bus: Bus, database: Database) -> None:
    """From commit to effect, while nothing fails and one replica consumes."""
    async with during(Relay(database, bus).run), consuming(bus, database):
        for _ in range(20):
            await record_many(database, 25)
        ids = await effects_of(database, 500)
    assert ids == sorted(ids)


async def test_replicas_share_the_work(bus: Bus, database: Database) -> None:
    """Three subscribers of one durable: each event has one effect."""
    async with consuming(bus, database), consuming(bus, database), consuming(bus, database):
        ids = [one for _ in range(10) for one in await put(bus.js, *(event() for _ in range(100)))]
        assert sorted(await effects_of(database, 1000)) == sorted(ids)
        await at_rest(bus.js)


async def test_a_slow_consumer_holds_two_batches(bus: Bus, database: Database) -> None:
    """The rest of three thousand events stays with the broker."""
    gate = Gate()
    await put(bus.js, *(event() for _ in range(3000)))
    async with consuming(bus, database, with_handler(gate.handle)):
        await gate.reached.wait()
        for _ in range(5):
            assert (await bus.js.consumer_info(EVENTS_STREAM, CONSUMER)).num_ack_pending <= 400
        gate.open.set()
        await effects_of(database, 3000)


async def test_a_slow_handler_is_not_taken_for_a_dead_one(
    broker: EmbeddedNats, bus: Bus, database: Database
) -> None:
    """Reports of progress keep the broker from delivering the batch again."""
    gate, signs = Gate(), 0

    async def count(message: Msg) -> None:
        nonlocal signs
        signs += message.data == Msg.Ack.Progress

    watcher = await connect_once(broker.url, "test")
    await watcher.subscribe("$JS.ACK.>", cb=count)
    await watcher.flush()
    await put(bus.js, event())
    async with consuming(bus, database, with_handler(gate.handle, silence=0.6)):
        await eventually(lambda: signs >= 6)  # two silences
        gate.open.set()
        info = await at_rest(bus.js)
    await watcher.close()
    assert info.num_redelivered == 0
    assert len(await effects(database)) == 1


async def test_a_stop_ends_the_batch_and_gives_back_the_rest(bus: Bus, database: Database) -> None:
    """The batch at hand is handled and acknowledged; the next replica gets the others at once."""
    gate = Gate()
    await put(bus.js, *(event() for _ in range(600)))
    async with consuming(bus, database, with_handler(gate.handle)) as task:
        await gate.reached.wait()
        task.cancel()
        gate.open.set()
    finished = await effects(database)
    info = await bus.js.consumer_info(EVENTS_STREAM, CONSUMER)
    assert (len(finished) > 0, info.ack_floor and info.ack_floor.stream_seq) == (True, len(finished))
    async with consuming(bus, database, with_handler(count_event)):
        assert len(set(await effects_of(database, 600))) == 600
        await at_rest(bus.js)


async def test_a_stop_does_not_wait_for_the_infrastructure(bus: Bus, database: Database) -> None:
    """A batch that waits for a peer goes back to the broker, without effects."""
    waits = asyncio.Event()

    async def unavailable(one: ClientCreatedEvent, app: object) -> None:
        waits.set()
        raise ConnectionRefusedError

    async def handle(one: ClientCreatedEvent, tx: Transaction, found: None) -> None:
        await count_event(one, tx)

    await put(bus.js, *(event() for _ in range(5)))
    subscription = replace(with_handler(count_event), handler=handle, lookup=unavailable)
    async with consuming(bus, database, subscription, infrastructure=(ConnectionRefusedError,)) as task:
        await waits.wait()
        task.cancel()
        await asyncio.wait([task], timeout=20)
        assert task.done()
    async with consuming(bus, database, with_handler(count_event)):
        await effects_of(database, 5)


async def test_a_deleted_consumer_is_made_again_and_has_no_second_effect(
    broker: EmbeddedNats, bus: Bus, database: Database
) -> None:
    """It starts at the oldest message; claims keep events from a second effect. It takes few requests."""
    requests = 0

    async def count(message: Msg) -> None:
        nonlocal requests
        requests += 1

    watcher = await connect_once(broker.url, "test")
    await watcher.subscribe("$JS.API.CONSUMER.>", cb=count)
    await watcher.flush()
    ids = await put(bus.js, *(event() for _ in range(500)))
    async with consuming(bus, database):
        await effects_of(database, 500)
        for _ in range(3):
            await bus.js.delete_consumer(EVENTS_STREAM, CONSUMER)
            ids += await put(bus.js, event())
            await effects_of(database, len(ids))
        assert await effects(database) == ids
        await eventually(lambda: _exists(bus))
        await at_rest(bus.js)
    await watcher.close()
    assert requests < 200


async def _exists(bus: Bus) -> bool:
    return CONSUMER in {info.name for info in await bus.js.consumers_info(EVENTS_STREAM)}


async def test_a_restarted_broker_has_no_second_effect(
    broker: EmbeddedNats, bus: Bus, database: Database
) -> None:
    """Killed under load three times: each event once, nothing left pending."""
    async with during(Relay(database, bus).run), consuming(bus, database):
        for round_ in range(1, 4):
            await record_many(database, 300)
            broker.kill()
            broker.start()
            assert len(set(await effects_of(database, 300 * round_, timeout=40))) == 300 * round_
        await eventually(lambda: bus.up)
        await at_rest(bus.js, timeout=60)
    assert len(await effects(database)) == 900


async def test_a_lost_acknowledgement_costs_nothing_but_another_one(bus: Bus, database: Database) -> None:
    """What comes again although it was done is acknowledged; its handler does not run, no attempt counts."""
    await put(bus.js, *(event() for _ in range(50)))
    async with consuming(bus, database):
        await at_rest(bus.js)
    done = await effects(database)
    await bus.js.delete_consumer(EVENTS_STREAM, CONSUMER)
    await deliver_in_vain(bus, 50)
    gate = Gate()
    async with consuming(bus, database, with_handler(gate.handle)):
        info = await at_rest(bus.js)
    assert (info.ack_floor and info.ack_floor.stream_seq, gate.reached.is_set()) == (50, False)
    assert (await effects(database), await attempts(database)) == (done, [])


async def deliver_in_vain(bus: Bus, count: int) -> None:
    """Have the broker deliver *count* messages to somebody who hands them back."""
    config = ConsumerConfig(
        durable_name=CONSUMER, filter_subject=SUBJECT, ack_policy=AckPolicy.EXPLICIT, max_deliver=-1
    )
    await bus.js.add_consumer(EVENTS_STREAM, config)
    pulling = await bus.js.pull_subscribe_bind(CONSUMER, EVENTS_STREAM)
    for message in await pulling.fetch(count):
        await message.nak()
    await bus.client.flush()
