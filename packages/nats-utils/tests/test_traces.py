"""Traces over the bus: kept with the outbox row, carried by the message, continued by each handler."""

import pytest
from db_utils import Database
from nats_utils import Bus, Handling, Relay, Replayer
from nats_utils.events import DEAD_LETTERS_STREAM, EVENTS_STREAM
from nats_utils.outbox import MESSAGE_ID
from nats_utils.tables import REPLAYED
from service_testing import eventually
from service_testing.collector import Collector
from tests.observing import (
    CONSUMER,
    SUBJECT,
    confirmed,
    consuming,
    dead_letters,
    during,
    effects_of,
    event,
    letters,
    outbox,
)
from tests.test_dead_letters import IMPATIENT, heal, mark
from trace_utils import NOWHERE, Tracer, tracer_of

from tests.temoin.service import record

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
PUBLISH, PROCESS = f"publish {SUBJECT}", f"process {SUBJECT}"


def tracer() -> Tracer:
    """The tracer of `temoin`."""
    found = tracer_of("temoin")
    assert found is not None
    return found


async def recorded(database: Database, cle: str = "a") -> None:
    """An entry is recorded within a trace of its own."""
    with tracer().current(tracer().begin("server", f"record {cle}", {}, NOWHERE)):
        async with database.transaction() as tx:
            await record(tx, "d", cle)


async def put_traced(bus: Bus, poison: str = "", parent: str = PARENT) -> None:
    """Somebody publishes an event with *parent* as its trace."""
    headers = {MESSAGE_ID: event().event_id, "traceparent": parent, "tracestate": "vendor=1"}
    await bus.js.publish(SUBJECT, event(poison).SerializeToString(), headers=headers)


async def test_an_event_is_published_in_the_trace_of_its_cause(
    collector: Collector, database: Database, bus: Bus
) -> None:
    """The span is kept with the row, whenever the relay gets to it, and is on the message."""
    await recorded(database)
    (span,), (cause,) = await collector.named(PUBLISH), await collector.named("record a")
    assert (span.kind, span.parent, span.service) == ("producer", cause.id, "temoin")
    (row,) = await outbox(database)
    async with during(Relay(database, bus).run):
        await confirmed(database, 1)
    headers = (await bus.js.get_msg(EVENTS_STREAM, 1)).headers or {}
    assert headers["traceparent"] == row.headers["traceparent"]
    assert headers["traceparent"].split("-")[1:3] == [span.trace, span.id]


async def test_each_event_of_a_batch_is_handled_in_its_own_trace(
    collector: Collector, database: Database, bus: Bus
) -> None:
    """Although one transaction holds the effects of all."""
    for cle in ("a", "b", "c"):
        await recorded(database, cle)
    async with during(Relay(database, bus).run):
        await confirmed(database, 3)
    async with consuming(bus, database):
        await effects_of(database, 3)
    handled = await collector.named(PROCESS, 3)
    published = await collector.named(PUBLISH, 3)
    assert {(one.trace, one.parent) for one in handled} == {(one.trace, one.id) for one in published}
    assert {one.attributes["messaging.consumer.group.name"] for one in handled} == {CONSUMER}


async def test_an_event_without_a_trace_begins_one(
    collector: Collector, database: Database, bus: Bus
) -> None:
    """Its handler is the first span."""
    await put_traced(bus, parent="00-nonsense")
    async with consuming(bus, database):
        await effects_of(database, 1)
    (handled,) = await collector.named(PROCESS)
    assert (handled.parent, handled.failed) == ("", False)


async def test_a_handler_that_fails_is_a_failed_span_each_time(
    collector: Collector, database: Database, bus: Bus
) -> None:
    """Its error is named by its class; the text of it stays in the log."""
    await put_traced(bus, "exception")
    async with consuming(bus, database, IMPATIENT):
        await dead_letters(database, 1)
    spans = await collector.named(PROCESS, 5)
    assert {(one.trace, one.failed) for one in spans} == {(TRACE, True)}
    assert "@" not in collector.file.read_text()


@pytest.mark.usefixtures("collector")
async def test_a_dead_letter_keeps_its_trace(database: Database, bus: Bus) -> None:
    """In its row and in its announcement."""
    await put_traced(bus, "exception")
    async with consuming(bus, database, IMPATIENT):
        (letter,) = await dead_letters(database, 1)
    async with during(Relay(database, bus).run):
        await confirmed(database, 1)
    announced = (await bus.js.get_msg(DEAD_LETTERS_STREAM, 1)).headers or {}
    carrier = {"traceparent": PARENT, "tracestate": "vendor=1"}
    assert letter.trace == carrier
    assert carrier.items() <= announced.items()


async def test_a_replay_goes_on_in_the_trace_of_its_event(
    collector: Collector, database: Database, bus: Bus
) -> None:
    """However much later it is."""
    await put_traced(bus, "exception")
    async with consuming(bus, database, IMPATIENT):
        await dead_letters(database, 1)
    await collector.named(PROCESS, 5)
    await heal(database)
    await mark(database)
    replayer = Replayer(database, [Handling(database, CONSUMER, IMPATIENT, None)])
    async with during(replayer.run):
        await eventually(lambda: is_replayed(database))
    replay = (await collector.named(PROCESS, 6))[-1]
    assert (replay.trace, replay.parent, replay.failed) == (TRACE, SPAN, False)


async def is_replayed(database: Database) -> bool:
    """Whether the only dead letter was replayed."""
    return [one.status for one in await letters(database)] == [REPLAYED]


async def test_without_tracing_a_row_has_no_trace(database: Database) -> None:
    """Its headers are as they were."""
    async with database.transaction() as tx:
        await record(tx, "d", "a")
    (row,) = await outbox(database)
    assert [name for name in row.headers if name.startswith("trace")] == []
