"""The way events are mostly handled: one publication at a time, one transaction per message.

Per message: look whether it is known, write the effect, mark it, commit, acknowledge.
"""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from uuid import UUID

import nats
import psycopg
import uvloop
from db_utils import session_options, uuid7
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from psycopg_pool import AsyncConnectionPool

from crm_bench.children import child
from crm_bench.lab import NAIVE, Lab, an_event

_SUBJECT = "crm.events.invoice.created"  # not that of the sink
_STREAM, _DURABLE = "CRM_EVENTS", "bench_naive--invoice-created"
_FETCH = 100
_KNOWN = "SELECT 1 FROM processed_events WHERE consumer = %s AND event_id = %s"
_EFFECT = "INSERT INTO effects (event_id) VALUES (%s)"
_MARK = """
INSERT INTO processed_events (consumer, event_id, event_type, processed_at) VALUES (%s, %s, 'naive', now())"""

Pool = AsyncConnectionPool[psycopg.AsyncConnection[tuple[object, ...]]]


@dataclass(frozen=True, slots=True)
class Naive:
    """Events per second of publisher and subscriber, and processor milliseconds of each event."""

    published: float
    publishing_cpu_ms: float
    handled: float
    handling_cpu_ms: float


def measure(place: Lab, count: int) -> Naive:
    """Publish and handle *count* events in a process of its own."""
    process, pipe = child(_work, place, count)
    try:
        result: Naive = pipe.recv()
        return result
    finally:
        process.join()


def _work(pipe: Connection, place: Lab, count: int) -> None:
    pipe.send(uvloop.run(_measure(place, count)))


async def _measure(place: Lab, count: int) -> Naive:
    client = await nats.connect(place.nats_url)
    options = {"options": session_options(NAIVE.name), "autocommit": True}
    async with AsyncConnectionPool(place.database_url, kwargs=options, min_size=1, max_size=10) as pool:
        published, publishing = await _timed(_publish(client.jetstream(), count))
        handled, handling = await _timed(_handle(client, pool, count))
    await client.close()
    return Naive(count / published, publishing * 1000 / count, count / handled, handling * 1000 / count)


async def _timed(work: Awaitable[None]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    wall, cpu = time.monotonic(), time.process_time()
    await work
    return time.monotonic() - wall, time.process_time() - cpu


async def _publish(js: JetStreamContext, count: int) -> None:
    for number in range(count):
        event = an_event(number)
        event.event_id = str(uuid7())
        await js.publish(_SUBJECT, event.SerializeToString(), headers={"Nats-Msg-Id": event.event_id})


async def _handle(client: Client, pool: Pool, count: int) -> None:
    subscription = await client.jetstream().pull_subscribe(_SUBJECT, _DURABLE, _STREAM)
    handled = 0
    while handled < count:
        for message in await subscription.fetch(min(_FETCH, count - handled), timeout=5):
            await _handle_one(message, pool)
            handled += 1


async def _handle_one(message: Msg, pool: Pool) -> None:
    event = type(an_event(0)).FromString(message.data)
    event_id = UUID(event.event_id)
    async with pool.connection() as connection, connection.transaction():
        known = await (await connection.execute(_KNOWN, (_DURABLE, event_id))).fetchone()
        if known is None:
            await connection.execute(_EFFECT, (event_id,))
            await connection.execute(_MARK, (_DURABLE, event_id))
    await message.ack()
