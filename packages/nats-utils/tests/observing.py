"""Events to publish, and questions to broker and database, for the tests of this folder."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, uuid7
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from nats_utils import Bus, Handling, Stream, Subscriber, Subscription
from nats_utils.ending import end
from nats_utils.events import EVENTS_STREAM
from nats_utils.outbox import MESSAGE_ID
from nats_utils.tables import DeadLetter, EventAttempt, OutboxRow
from psycopg.conninfo import conninfo_to_dict
from service_testing import eventually
from sqlalchemy import func, select

from tests.temoin.models import Compteur, Effet
from tests.temoin.service import SUBSCRIPTION

SUBJECT = "crm.events.client.created"
CONSUMER = "temoin--client-created"


@asynccontextmanager
async def open_bus(url: str, streams: tuple[Stream, ...], *, silence: float = 15.0) -> AsyncIterator[Bus]:
    """A connection that is up."""
    bus = Bus(url, "test", streams, silence=silence)
    bus.start()
    try:
        await asyncio.wait_for(bus.wait_up(), 10)
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def during(work: Callable[[], Awaitable[None]]) -> AsyncIterator[asyncio.Task[None]]:
    """Run *work* as a task while inside; it is cancelled at the end."""

    async def run() -> None:
        await work()

    task = asyncio.create_task(run())
    try:
        yield task
    finally:
        await end(task)


@asynccontextmanager
async def consuming(
    bus: Bus,
    database: Database,
    subscription: Subscription = SUBSCRIPTION,
    infrastructure: tuple[type[Exception], ...] = (),
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a subscriber of `temoin` while inside."""
    handling = Handling(database, CONSUMER, subscription, None, infrastructure)
    async with during(Subscriber(bus, handling).run) as task:
        yield task


def event(poison: str = "", dossier: str = "d") -> ClientCreatedEvent:
    """An event with a new id."""
    return ClientCreatedEvent(event_id=str(uuid7()), client_id=dossier, prenom="1", email=poison)


async def put(js: JetStreamContext, *events: ClientCreatedEvent) -> list[str]:
    """Publish *events* as any publisher may, each with a message id of its own; their event ids."""
    acks = [
        await js.publish_async(SUBJECT, one.SerializeToString(), headers={MESSAGE_ID: str(uuid7())})
        for one in events
    ]
    await asyncio.gather(*acks)
    return [one.event_id for one in events]


async def message_ids(js: JetStreamContext, stream: str = EVENTS_STREAM) -> list[str]:
    """The message ids of *stream*, in its order."""
    state = (await js.stream_info(stream)).state
    ids = []
    for sequence in range(state.first_seq or 1, state.last_seq + 1):
        with contextlib.suppress(NotFoundError):
            headers = (await js.get_msg(stream, sequence)).headers or {}
            ids.append(headers.get(MESSAGE_ID, ""))
    return ids


async def outbox(database: Database) -> list[OutboxRow]:
    """The rows of the outbox, in their order."""
    return await database.read().all(select(OutboxRow).order_by(OutboxRow.id))


async def confirmed(database: Database, count: int, *, timeout: float = 20.0) -> list[OutboxRow]:
    """The rows of the outbox once *count* of them are confirmed and none is pending."""

    async def all_are() -> list[OutboxRow]:
        rows = await outbox(database)
        return rows if len(rows) == count and all(row.stream_sequence for row in rows) else []

    return await eventually(all_are, timeout=timeout)


async def effects(database: Database) -> list[str]:
    """The event ids of the effects, in their order; the counter must agree with their number."""
    ids = [str(id_) for id_ in await database.read().all(select(Effet.event_id).order_by(Effet.id))]
    assert await database.read().one(select(Compteur.total)) == len(ids)
    return ids


async def effects_of(database: Database, count: int, *, timeout: float = 20.0) -> list[str]:
    """The effects once there are *count*."""
    count_effects = select(func.count()).select_from(Effet)

    async def enough() -> bool:
        return (await database.read().one(count_effects) or 0) >= count

    await eventually(enough, timeout=timeout)
    return await effects(database)


async def letters(database: Database) -> list[DeadLetter]:
    """The dead letters, in their order."""
    return await database.read().all(select(DeadLetter).order_by(DeadLetter.id))


async def dead_letters(database: Database, count: int, *, timeout: float = 20.0) -> list[DeadLetter]:
    """The dead letters once there are *count*."""

    async def enough() -> list[DeadLetter]:
        found = await letters(database)
        return found if len(found) >= count else []

    return await eventually(enough, timeout=timeout)


async def attempts(database: Database) -> list[int]:
    """The attempts counted for events that are neither handled nor given up."""
    return await database.read().all(select(EventAttempt.attempts))


async def at_rest(js: JetStreamContext, durable: str = CONSUMER, *, timeout: float = 20.0) -> ConsumerInfo:
    """The state of consumer *durable* once nothing is left to be delivered or acknowledged."""

    async def idle() -> list[ConsumerInfo]:
        try:
            info = await js.consumer_info(EVENTS_STREAM, durable)
        except NotFoundError:
            return []  # about to be made
        return [] if info.num_pending or info.num_ack_pending else [info]

    (info,) = await eventually(idle, timeout=timeout)
    return info


def end_sessions(database: Database) -> None:
    """End every session of the service."""
    with psycopg.connect(database.url, dbname="postgres", autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (_name(database),)
        )


def allow_connections(database: Database, allowed: bool) -> None:
    """Open or close the database for everybody."""
    with psycopg.connect(database.url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {_name(database)} ALLOW_CONNECTIONS {allowed}")


def _name(database: Database) -> str:
    """The name of the database."""
    return str(conninfo_to_dict(database.url)["dbname"])
