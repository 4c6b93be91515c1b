"""What holds for every subscription of every service: one event, one effect, whatever happens.

The events are made by reflection, so a new subscription is covered by being declared.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import nats
import psycopg
import pytest
from db_utils import clock, uuid7
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp
from nats_utils import ProcessedEventsRepository, Subscription, event_type, tables
from psycopg import sql
from service_kit import Service
from service_kit.registry import services
from service_kit.service import KERNEL
from service_testing import Mesh, eventually
from sqlalchemy import select

EVERY_SUBSCRIPTION = pytest.mark.parametrize(
    ("service", "subscription"),
    [
        pytest.param(service, subscription, id=subscription.consumer(service.name))
        for service in services().values()
        for subscription in service.subscriptions
    ],
)
Rows = dict[str, list[str]]
Lines = dict[str, int]

_TEXTS = {"event_id": "{}", "email": "{}@example.com", "motif_rejet": "AM04"}
_SAMPLES: Mapping[int, object] = {
    FieldDescriptor.TYPE_DOUBLE: 1200.0,
    FieldDescriptor.TYPE_BOOL: True,
}
# Whoever has claimed an event and now waits for somebody else's lock.
_VICTIM = """
SELECT waiting.pid FROM pg_locks AS waiting JOIN pg_locks AS claim USING (pid)
WHERE NOT waiting.granted AND claim.granted AND claim.relation = %s::regclass
"""


def sample(kind: type[Message]) -> Message:
    """A complete event about things and an organisation that no other event is about."""
    unique = str(uuid7())
    return kind(**{field.name: _value(field, unique) for field in kind.DESCRIPTOR.fields})


def _value(field: Any, unique: str) -> object:
    if field.name == "accessible_apps":
        return ["crm", "commercial", "accounting"]
    value = _single(field, unique)
    return [value] if field.is_repeated else value


def _single(field: Any, unique: str) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _TEXTS.get(field.name, f"{field.name}-{{}}").format(unique)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return timestamp(clock.now()) if field.message_type is Timestamp.DESCRIPTOR else {}
    return _SAMPLES[field.type]


def own_tables(service: Service) -> list[str]:
    """The tables of the service and of its components, which events may write to."""
    kernel = {table for _, tables in KERNEL for table in tables.tables}
    return [table for tables in service.declared for table in tables.tables if table not in kernel]


async def rows(mesh: Mesh, service: Service) -> Rows:
    """All rows of the service's own tables, read by their owner."""
    async with await psycopg.AsyncConnection.connect(mesh.database(service.name).url) as owner:
        found: Rows = {}
        for table in own_tables(service):
            query = sql.SQL("SELECT to_jsonb(t) FROM {} AS t").format(sql.Identifier(service.name, table))
            cursor = await owner.execute(query)
            found[table] = sorted(json.dumps(row, sort_keys=True) for (row,) in await cursor.fetchall())
    return found


async def added(mesh: Mesh, service: Service, delivering: Callable[[], Awaitable[None]]) -> Lines:
    """How many rows *delivering* adds to each table."""
    before = await rows(mesh, service)
    await delivering()
    after = await rows(mesh, service)
    return {table: len(after[table]) - len(before[table]) for table in after}


async def claims(mesh: Mesh, service: Service, consumer: str, event: Any) -> int:
    """How often *consumer* has noted that it dealt with *event*."""
    query = sql.SQL("SELECT count(*) FROM {} WHERE consumer = %s AND event_id = %s")
    async with await psycopg.AsyncConnection.connect(mesh.database(service.name).url) as owner:
        table = sql.Identifier(service.name, "processed_events")
        cursor = await owner.execute(query.format(table), (consumer, event.event_id))
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def disturbed(mesh: Mesh, service: Service, event: Message) -> None:
    """Deliver *event*, whose first handling loses its database session before the effect.

    Reads go on: a look-up before the transaction may need them.
    """
    tables = [sql.Identifier(service.name, table) for table in own_tables(service)]
    async with await psycopg.AsyncConnection.connect(mesh.database(service.name).url) as owner:
        await owner.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)))
        delivery = asyncio.create_task(mesh.deliver(event))
        victim = await eventually(partial(_victim, owner, f"{service.name}.processed_events"))
        await owner.execute("SELECT pg_terminate_backend(%s, 5000)", victim)
    await delivery


async def _victim(owner: psycopg.AsyncConnection, table: str) -> tuple[int] | None:
    return await (await owner.execute(_VICTIM, (table,))).fetchone()


async def amid_poison(mesh: Mesh, first: Message, second: Message) -> None:
    """Deliver both events with a message between them that is no event."""
    kind = event_type(type(first))
    client = await nats.connect(mesh.broker.url)
    try:
        for data in (first.SerializeToString(), b"\xff"):
            await client.jetstream().publish(kind.subject, data)
    finally:
        await client.close()
    await mesh.deliver(second)


async def replayed(mesh: Mesh, service: Service, consumer: str, event: Message) -> None:
    """Have the service replay a dead letter of *event*, as its consume loop leaves it."""
    database, kind = mesh.database(service.name), event_type(type(event))
    event_id: str = event.event_id  # type: ignore[attr-defined]  # events have one
    async with database.transaction() as tx:
        await ProcessedEventsRepository(consumer).mark_processed(tx, UUID(event_id), kind.name)
        letter = await tx.insert(
            tables.DeadLetter(
                consumer=consumer,
                event_type=kind.name,
                message_key=event_id,
                subject=kind.subject,
                payload=event.SerializeToString(),
                error="what was wrong is mended",
                attempts=5,
                status=tables.REPLAYING,
            )
        )

    async def done() -> bool:
        of_event = select(tables.DeadLetter.status).where(tables.DeadLetter.message_key == letter.message_key)
        return await database.read().one(of_event) == tables.REPLAYED

    await eventually(done)


@EVERY_SUBSCRIPTION
async def test_I4_five_deliveries_and_a_later_one_have_one_effect(
    mesh: Mesh, service: Service, subscription: Subscription
) -> None:
    """Under message ids that the broker cannot recognise, at once and later on."""
    once, often = sample(subscription.event), sample(subscription.event)
    effect = await added(mesh, service, partial(mesh.deliver, once))
    assert await added(mesh, service, partial(mesh.deliver, often, times=5)) == effect
    after = await rows(mesh, service)
    await mesh.deliver(often)
    assert await rows(mesh, service) == after
    assert await claims(mesh, service, subscription.consumer(service.name), often) == 1


@EVERY_SUBSCRIPTION
async def test_I4_a_handling_that_was_rolled_back_is_repeated_with_one_effect(
    mesh: Mesh, service: Service, subscription: Subscription
) -> None:
    """The claim goes with the effect when the session ends in between."""
    once, twice = sample(subscription.event), sample(subscription.event)
    effect = await added(mesh, service, partial(mesh.deliver, once))
    assert await added(mesh, service, partial(disturbed, mesh, service, twice)) == effect
    assert await claims(mesh, service, subscription.consumer(service.name), twice) == 1


@EVERY_SUBSCRIPTION
async def test_I4_poison_costs_its_neighbours_nothing(
    mesh: Mesh, service: Service, subscription: Subscription
) -> None:
    """The events before and after it in a batch have their effects, each once."""
    once, *both = (sample(subscription.event) for _ in range(3))
    effect = await added(mesh, service, partial(mesh.deliver, once))
    after = await added(mesh, service, partial(amid_poison, mesh, *both))
    assert after == {table: 2 * number for table, number in effect.items()}
    assert [await claims(mesh, service, subscription.consumer(service.name), one) for one in both] == [1, 1]


@EVERY_SUBSCRIPTION
async def test_I4_a_dead_letter_that_is_replayed_has_the_effect_once(
    mesh: Mesh, service: Service, subscription: Subscription
) -> None:
    """And a later delivery of its event adds nothing."""
    once, dead = sample(subscription.event), sample(subscription.event)
    consumer = subscription.consumer(service.name)
    effect = await added(mesh, service, partial(mesh.deliver, once))
    assert await added(mesh, service, partial(replayed, mesh, service, consumer, dead)) == effect
    after = await rows(mesh, service)
    await mesh.deliver(dead)
    assert await rows(mesh, service) == after
