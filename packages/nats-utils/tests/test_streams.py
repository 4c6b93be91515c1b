"""Streams are declared once and never silently changed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError
from nats_utils import STREAMS, Bus, StreamDrift, declare, declared
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from tests.observing import event, open_bus, put


async def test_declaring_twice_changes_nothing(broker: EmbeddedNats) -> None:
    """The first time makes the streams, the second finds them."""
    async with open_bus(broker.url, ()) as bus:
        assert await declare(bus.js, STREAMS) == [stream.name for stream in STREAMS]
        assert await declare(bus.js, STREAMS) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_age", timedelta(days=3)),
        ("duplicate_window", timedelta(seconds=7)),
        ("subjects", ("crm.events.>", "crm.more.>")),
    ],
)
async def test_a_stream_with_other_settings_is_an_error_that_names_them(
    broker: EmbeddedNats, setting: str, value: Any
) -> None:
    """Drift is told by stream, setting and both values, and left as it is."""
    async with open_bus(broker.url, ()) as bus:
        other = replace(STREAMS[0], **{setting: value})
        await declare(bus.js, (other,))
        with pytest.raises(StreamDrift, match=rf"stream CRM_EVENTS differs.* in {setting} \(.* instead of"):
            await declare(bus.js, STREAMS)
        assert await declare(bus.js, (other,)) == []


@pytest.mark.parametrize("limit", ["max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size"])
async def test_a_limit_that_would_drop_events_is_drift(broker: EmbeddedNats, limit: str) -> None:
    """A stream that forgets by number or size loses events that nobody has seen."""
    async with open_bus(broker.url, ()) as bus:
        config = STREAMS[0].config()
        setattr(config, limit, 1_000_000)
        await bus.js.add_stream(config)
        with pytest.raises(StreamDrift, match=rf"in {limit} \(1000000 instead of -1\): bring it in line"):
            await declare(bus.js, STREAMS)


async def test_replicas_and_window_are_those_of_the_installation(broker: EmbeddedNats) -> None:
    """`declared` asks for so many copies and for that window of every stream."""
    streams = declared(replicas=3, duplicate_window=timedelta(milliseconds=100))
    assert {(s.config().num_replicas, s.config().duplicate_window) for s in streams} == {(3, 0.1)}
    async with open_bus(broker.url, ()) as bus:
        await declare(bus.js, declared())
        with pytest.raises(StreamDrift, match=r"num_replicas \(1 instead of 3\)"):
            await declare(bus.js, declared(replicas=3))


async def test_each_event_has_its_stream(bus: Bus) -> None:
    """Business events, identity and dead letters are kept apart."""
    subjects = {
        "CRM_EVENTS": "crm.events.payment.received",
        "CRM_IDENTITY": "crm.identity.user.login",
        "CRM_DEAD_LETTERS": "crm.dlq.email.client-created",
    }
    told = {(await bus.js.publish(subject, b"")).stream: subject for subject in subjects.values()}
    assert told == subjects


async def test_nobody_can_purge_or_delete(bus: Bus) -> None:
    """What is published stays until its age removes it."""
    await put(bus.js, event())
    with pytest.raises(APIError, match="purge"):
        await bus.js.purge_stream("CRM_EVENTS")
    with pytest.raises(APIError, match="delete"):
        await bus.js.delete_msg("CRM_EVENTS", 1)


async def test_a_message_that_the_broker_gave_up_leaves_a_trace(bus: Bus) -> None:
    """Advisories about the server's own limit of deliveries are kept in a stream."""
    await put(bus.js, event())
    await bus.js.add_consumer("CRM_EVENTS", ConsumerConfig(durable_name="once", max_deliver=1, ack_wait=0.05))
    pulling = await bus.js.pull_subscribe_bind("once", "CRM_EVENTS")
    await pulling.fetch(1)

    async def traced() -> bool:
        return (await bus.js.stream_info("CRM_ADVISORIES")).state.messages == 1

    await eventually(traced)
