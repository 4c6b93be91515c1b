"""A window of messages, and what is known of each afterwards."""

import asyncio

from nats_utils import STREAMS, Bus
from nats_utils.publisher import Outgoing, Publisher, Stored
from service_kit.embedded import EmbeddedNats
from service_testing.freezing import frozen
from tests.observing import SUBJECT, message_ids, open_bus


def window(*ids: str, payload: bytes = b"") -> list[Outgoing]:
    """Messages with these ids."""
    return [Outgoing(SUBJECT, payload, {"Nats-Msg-Id": one}) for one in ids]


async def test_a_window_tells_where_each_message_is_stored(bus: Bus) -> None:
    """Positions, sequences, and whether the broker had it before."""
    publisher = Publisher(bus)
    assert await publisher.publish(window("a", "b"), 5) == {0: Stored(1, False), 1: Stored(2, False)}
    assert await publisher.publish(window("c", "b"), 5) == {0: Stored(3, False), 1: Stored(2, True)}


async def test_a_refused_message_is_not_taken_for_a_stored_one(broker: EmbeddedNats) -> None:
    """The broker's refusal carries a sequence too: 0."""
    async with open_bus(broker.url, ()) as bus:
        config = STREAMS[0].config()
        config.max_msg_size = 100
        await bus.js.add_stream(config)
        messages = [*window("a"), *window("large", payload=b"x" * 200), *window("b")]
        assert await Publisher(bus).publish(messages, 5) == {0: Stored(1, False), 2: Stored(2, False)}


async def test_a_message_beyond_the_limit_of_the_broker_stops_no_other(bus: Bus) -> None:
    """What the client itself refuses is refused alone."""
    messages = [*window("large", payload=b"x" * 2_000_000), *window("b")]
    assert await Publisher(bus).publish(messages, 5) == {1: Stored(1, False)}


async def test_a_message_that_no_stream_takes_is_refused_at_once(broker: EmbeddedNats) -> None:
    """The broker says that nobody listens; there is nothing to wait for."""
    async with open_bus(broker.url, ()) as bus:
        assert await asyncio.wait_for(Publisher(bus).publish(window("a"), 60), 10) == {}


async def test_no_answer_means_unknown(broker: EmbeddedNats, bus: Bus) -> None:
    """A window that a frozen broker did not confirm may be stored all the same."""
    publisher = Publisher(bus)
    with frozen(broker.pid):
        assert await publisher.publish(window("a", "b"), 0.2) == {}
    assert await publisher.publish(window("a", "b"), 5) == {0: Stored(1, True), 1: Stored(2, True)}
    assert await message_ids(bus.js) == ["a", "b"]


async def test_late_confirmations_are_not_those_of_the_next_window(broker: EmbeddedNats, bus: Bus) -> None:
    """Answers to a window that was given up tell nothing about the following one."""
    publisher = Publisher(bus)
    with frozen(broker.pid):
        assert await publisher.publish(window("a", "b"), 0.2) == {}
    assert await publisher.publish(window("c", "d"), 5) == {0: Stored(3, False), 1: Stored(4, False)}


async def test_the_publisher_follows_its_bus_to_a_new_connection(broker: EmbeddedNats, bus: Bus) -> None:
    """Windows before and after a restart of the broker are confirmed alike."""
    publisher = Publisher(bus)
    await publisher.publish(window("a"), 5)
    broker.kill()
    assert await publisher.publish(window("b"), 5) == {}
    broker.start()
    await bus.wait_up()
    assert await publisher.publish(window("b"), 5) == {0: Stored(2, False)}
