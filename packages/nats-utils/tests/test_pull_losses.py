"""Every way in which a request for messages can be lost: the consumer asks again within a bounded time.

The server's own words come from a stand-in, which answers in place of a consumer that does not exist.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from db_utils import Database
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats_utils import Bus, connect_once, declared
from nats_utils.events import EVENTS_STREAM
from nats_utils.pull import ConsumerLost, Puller
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from service_testing.freezing import frozen
from tests.observing import CONSUMER, consuming, effects_of, event, open_bus, put

DURABLE = "puller"
BATCH = 10
SOON, LATER = 0.1, 20.0  # seconds until a request expires; silence is noticed two seconds later

Answer = Mapping[str, str]
SILENCE: Sequence[Answer] = ()


class StandIn:
    """A server that answers each request with the next of *answers* and notes how much was asked for."""

    def __init__(self, *answers: Sequence[Answer]) -> None:
        self.asked: list[int] = []
        self._answers = iter(answers)

    async def answer(self, request: Msg) -> None:
        """Answer one request; without an answer left it meets silence."""
        self.asked.append(json.loads(request.data)["batch"])
        for headers in next(self._answers, ()):
            await request._client.publish(request.reply, headers=dict(headers))


def status(number: int, description: str, pending: int | None = None) -> Answer:
    """A status as the server sends it, with the number of messages that the request has not brought."""
    counted = {} if pending is None else {"Nats-Pending-Messages": str(pending)}
    return {"Status": str(number), "Description": description, **counted}


@asynccontextmanager
async def answering(broker: EmbeddedNats, *answers: Sequence[Answer]) -> AsyncIterator[StandIn]:
    """Answer requests for messages of `DURABLE` while inside."""
    stand_in, client = StandIn(*answers), await connect_once(broker.url, "test")
    try:
        await client.subscribe(f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.{DURABLE}", cb=stand_in.answer)
        await client.flush()
        yield stand_in
    finally:
        await client.close()


@asynccontextmanager
async def pulling(bus: Bus, expires: float) -> AsyncIterator[Puller]:
    """A puller that listens."""
    puller = Puller(bus, EVENTS_STREAM, DURABLE, BATCH, expires)
    async with puller.listening():
        yield puller


@pytest.mark.parametrize(
    "lost",
    [
        status(400, "Bad Request"),
        status(409, "Consumer Deleted"),
        status(409, "Leadership Change"),
        status(409, "Server Shutdown"),
        status(409, "Exceeded MaxWaiting"),
        status(409, "Consumer is push based"),
        status(503, "No Responders"),
        status(599, "A word of a later version"),
    ],
    ids=lambda lost: lost["Description"],
)
async def test_a_status_of_loss_ends_the_waiting(broker: EmbeddedNats, bus: Bus, lost: Answer) -> None:
    """Whatever does not mean "nothing yet" is a loss, also a status that nobody knows."""
    async with answering(broker, [lost]), pulling(bus, LATER) as puller:
        with pytest.raises(ConsumerLost, match=lost["Description"]):
            await puller.next()


@pytest.mark.parametrize(
    "over",
    [
        status(404, "No Messages", BATCH),
        status(408, "Request Timeout", BATCH),
        status(409, "Batch Completed", BATCH),
        status(409, "Message Size Exceeds MaxBytes", BATCH),
    ],
    ids=lambda over: over["Description"],
)
async def test_a_request_that_is_over_is_followed_by_another(
    broker: EmbeddedNats, bus: Bus, over: Answer
) -> None:
    """The next one asks for a whole batch again, at once."""
    async with answering(broker, [over], [over]) as stand_in, pulling(bus, LATER) as puller:
        waiting = asyncio.create_task(puller.next())
        await eventually(lambda: stand_in.asked == [BATCH] * 3)
        waiting.cancel()


async def test_a_request_that_ends_without_a_count_is_silence(broker: EmbeddedNats, bus: Bus) -> None:
    """What it has not brought is not known: the consumer is looked up and asked anew."""
    async with answering(broker, [status(408, "Request Timeout")]), pulling(bus, SOON) as puller:
        with pytest.raises(ConsumerLost, match="silent"):
            await puller.next()


async def test_one_lost_request_of_two_is_noticed(broker: EmbeddedNats, bus: Bus) -> None:
    """More than half of a batch was lost with it, so that nothing is asked for any more."""
    over = status(408, "Request Timeout", 6)
    async with answering(broker, [over], SILENCE, [over]) as stand_in, pulling(bus, SOON) as puller:
        with pytest.raises(ConsumerLost, match="silent"):
            await puller.next()
    assert stand_in.asked == [BATCH, 6]


async def test_a_frozen_broker_is_noticed(broker: EmbeddedNats, bus: Bus) -> None:
    """Its connections stay open and it sends no word; afterwards the same connection serves again."""
    await bus.js.add_consumer(
        EVENTS_STREAM, ConsumerConfig(durable_name=DURABLE, ack_policy=AckPolicy.EXPLICIT)
    )
    with pytest.raises(ConsumerLost, match="silent"), frozen(broker.pid):
        async with pulling(bus, SOON) as puller:
            await puller.next()
    await put(bus.js, event())
    async with pulling(bus, LATER) as puller:
        assert len(await puller.next()) == 1


async def test_the_memory_of_the_broker_is_gone(broker: EmbeddedNats, database: Database) -> None:
    """Killed, emptied and started: the consumer is declared anew and asked."""
    async with open_bus(broker.url, declared()) as bus, consuming(bus, database):
        ids = await put(bus.js, event())
        await effects_of(database, 1)
        broker.kill()
        await eventually(lambda: not bus.up)
        shutil.rmtree(broker.store)
        broker.start()
        await eventually(lambda: bus.up)
        ids += await put(bus.js, event())
        assert await effects_of(database, 2) == ids


@pytest.mark.parametrize("again", [True, False], ids=["made again at once", "left to its subscriber"])
async def test_a_deleted_consumer_is_asked_again(bus: Bus, database: Database, again: bool) -> None:
    """Also when somebody else makes it anew before its subscriber has looked."""
    async with consuming(bus, database):
        ids = await put(bus.js, event())
        await effects_of(database, 1)
        former = await bus.js.consumer_info(EVENTS_STREAM, CONSUMER)
        await bus.js.delete_consumer(EVENTS_STREAM, CONSUMER)
        if again:
            await bus.js.add_consumer(EVENTS_STREAM, former.config)
        ids += await put(bus.js, event())
        assert await effects_of(database, 2) == ids


async def test_a_broker_that_comes_and_goes_is_asked_again(broker: EmbeddedNats, database: Database) -> None:
    """Connections that end while streams are declared and requests are sent leave nothing behind."""
    async with open_bus(broker.url, declared()) as bus, consuming(bus, database):
        for _ in range(4):
            broker.kill()
            broker.start()
        generation = bus.generation
        await eventually(lambda: bus.up and bus.generation > generation)
        ids = await put(bus.js, event())
        assert await effects_of(database, 1) == ids
