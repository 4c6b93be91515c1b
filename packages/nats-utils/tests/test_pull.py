"""Pulled messages are bounded in number and bytes, and the loss of their consumer is noticed."""

import asyncio

import pytest
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats_utils import Bus, connect_once
from nats_utils.events import EVENTS_STREAM
from nats_utils.pull import ConsumerLost, Puller
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from tests.observing import SUBJECT, event, put

DURABLE = "puller"


async def consumer(bus: Bus) -> None:
    """Declare the durable consumer of these tests."""
    await bus.js.add_consumer(
        EVENTS_STREAM,
        ConsumerConfig(durable_name=DURABLE, ack_policy=AckPolicy.EXPLICIT, ack_wait=60, max_deliver=-1),
    )


async def ack_pending(bus: Bus) -> int:
    """How many messages are delivered and not acknowledged."""
    return (await bus.js.consumer_info(EVENTS_STREAM, DURABLE)).num_ack_pending or 0


async def test_what_is_there_comes_at_once_and_in_order(bus: Bus) -> None:
    """Nobody waits for a batch to be full."""
    await consumer(bus)
    ids = await put(bus.js, *(event() for _ in range(30)))
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10)
    async with puller.listening():
        got: list[Msg] = []
        while len(got) < 30:
            batch = await puller.next()
            assert len(batch) <= 10
            got += batch
    assert [type(event()).FromString(message.data).event_id for message in got] == ids


async def test_no_more_than_two_batches_are_held(bus: Bus) -> None:
    """One at hand and one waiting: a slow consumer leaves the rest to the broker."""
    await consumer(bus)
    await put(bus.js, *(event() for _ in range(100)))
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10)
    async with puller.listening():
        await puller.next()
        await eventually(lambda: len(puller.waiting) >= 5)
        for _ in range(5):
            assert await ack_pending(bus) <= 20


async def test_messages_that_come_one_by_one_share_a_request(broker: EmbeddedNats, bus: Bus) -> None:
    """The server is asked for more when half of a batch is used up."""
    requests = 0

    async def count(message: Msg) -> None:
        nonlocal requests
        requests += 1

    await consumer(bus)
    watcher = await connect_once(broker.url, "test")
    await watcher.subscribe("$JS.API.CONSUMER.MSG.NEXT.>", cb=count)
    await watcher.flush()
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10, expires=60)
    async with puller.listening():
        for _ in range(9):
            await put(bus.js, event())
            await puller.next()
        await bus.client.flush()
    await watcher.drain()
    assert requests == 2


async def test_large_messages_are_held_by_their_bytes(bus: Bus) -> None:
    """Of messages of 900 kB, eight megabytes are asked for and not two hundred."""
    await consumer(bus)
    for _ in range(30):
        await bus.js.publish(SUBJECT, b"x" * 900_000)
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 200)
    async with puller.listening():
        taken = len(await puller.next())
        await eventually(lambda: taken + len(puller.waiting) >= 9)
        for _ in range(5):
            assert await ack_pending(bus) <= 18
        while taken < 30:
            taken += len(await puller.next())


@pytest.mark.parametrize("status", ["409", "503", "408", "100"])
async def test_a_header_of_an_outside_publisher_is_no_status(bus: Bus, status: str) -> None:
    """A status of the server has no reply subject; everything else is a message."""
    await consumer(bus)
    await bus.js.publish(SUBJECT, b"", headers={"Status": status, "Nats-Pending-Messages": "7"})
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10)
    async with puller.listening():
        (message,) = await puller.next()
    assert message.headers == {
        "Status": status,
        "Nats-Pending-Messages": "7",
    }


async def test_what_was_not_taken_goes_back_at_once(bus: Bus) -> None:
    """Another replica has it long before the broker would deliver it again by itself."""
    await consumer(bus)
    await put(bus.js, *(event() for _ in range(20)))
    first, second = (Puller(bus, EVENTS_STREAM, DURABLE, 10) for _ in range(2))
    async with first.listening():
        taken = len(await first.next())
        await eventually(lambda: len(first.waiting) >= 5)
    async with second.listening(), asyncio.timeout(20):
        while taken < 20:
            taken += len(await second.next())


async def test_a_deleted_consumer_is_noticed(bus: Bus) -> None:
    """The server ends the open request."""
    await consumer(bus)
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10)
    async with puller.listening():
        waiting = asyncio.create_task(puller.next())
        await eventually(lambda: _waits(bus))
        await bus.js.delete_consumer(EVENTS_STREAM, DURABLE)
        with pytest.raises(ConsumerLost, match="Consumer Deleted"):
            await waiting


async def _waits(bus: Bus) -> bool:
    return bool((await bus.js.consumer_info(EVENTS_STREAM, DURABLE)).num_waiting)


async def test_a_missing_consumer_is_noticed(bus: Bus) -> None:
    """Nobody answers the request."""
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10)
    async with puller.listening():
        with pytest.raises(ConsumerLost, match="503"):
            await puller.next()


async def test_a_missing_consumer_is_noticed_while_somebody_watches_everything(
    broker: EmbeddedNats, bus: Bus
) -> None:
    """With `nats sub '>'` running, requests to nobody are not refused but met with silence."""
    watcher, seen = await connect_once(broker.url, "test"), asyncio.Event()

    async def see(message: Msg) -> None:
        seen.set()

    await watcher.subscribe(">", cb=see)
    await watcher.flush()
    await watcher.publish(f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.{DURABLE}")
    await seen.wait()
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10, expires=0.1)
    async with puller.listening():
        with pytest.raises(ConsumerLost, match="silent"):
            await puller.next()
    await watcher.close()


async def test_a_lost_connection_is_noticed(broker: EmbeddedNats, bus: Bus) -> None:
    """Waiting ends with the connection."""
    await consumer(bus)
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10)
    async with puller.listening():
        waiting = asyncio.create_task(puller.next())
        await eventually(lambda: _waits(bus))
        broker.kill()
        with pytest.raises(ConsumerLost, match="connection"):
            await waiting


async def test_an_expired_request_is_followed_by_another(bus: Bus) -> None:
    """Waiting longer than a request stays open loses nothing."""
    await consumer(bus)
    puller = Puller(bus, EVENTS_STREAM, DURABLE, 10, expires=0.1)
    before = bus.client.stats["out_msgs"]
    async with puller.listening():
        waiting = asyncio.create_task(puller.next())
        await eventually(lambda: bus.client.stats["out_msgs"] >= before + 3)
        await put(bus.js, event())
        assert len(await waiting) == 1
