"""Words between the instances of a service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats_utils import Bus, Live, declared, end
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from tests.observing import open_bus


@asynccontextmanager
async def listening(bus: Bus, service: str) -> AsyncIterator[list[tuple[str, bytes]]]:
    """What an instance of *service* hears, from when it listens."""
    heard: list[tuple[str, bytes]] = []
    begun = asyncio.Event()
    task = asyncio.create_task(
        Live(bus, service).listen(lambda topic, words: heard.append((topic, words)), begun.set)
    )
    await begun.wait()
    try:
        yield heard
    finally:
        await end(task)


async def test_words_reach_the_instances_of_the_same_service(bus: Bus) -> None:
    """Whatever signs a topic has; instances of another service hear nothing."""
    topics = ["org-123", "a.b", "x|y:z", "..", "a*>"]
    async with (
        listening(bus, "one") as first,
        listening(bus, "one") as second,
        listening(bus, "other") as strangers,
    ):
        for topic in topics:
            Live(bus, "one").say(topic, b"words")
        await eventually(lambda: len(first) == len(second) == len(topics))
    assert (first, second, strangers) == ([(topic, b"words") for topic in topics], first, [])


async def test_instances_listen_again_after_the_broker_was_away(broker: EmbeddedNats) -> None:
    """What is said meanwhile is lost, and nobody waits for it."""
    async with open_bus(broker.url, declared()) as bus, listening(bus, "one") as heard:
        live = Live(bus, "one")
        broker.kill()
        await eventually(lambda: not bus.up)
        live.say("org", b"lost")
        broker.start()

        async def hears() -> bool:
            live.say("org", b"again")
            return bool(heard)

        await eventually(hears)
    assert {words for _, words in heard} == {b"again"}


async def test_without_a_bus_nobody_is_told() -> None:
    """As in a command, which has none."""
    Live().say("org", b"words")
