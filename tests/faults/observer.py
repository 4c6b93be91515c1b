"""Observer: waits until the mesh is at rest and reads the sets of the checker."""

import contextlib
from collections.abc import Iterable
from functools import partial

import nats
import psycopg
from crm.events.business_pb2 import ClientCreatedEvent
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from nats_utils import EVENTS_STREAM
from nats_utils.events import DEAD_LETTERS_STREAM
from nats_utils.outbox import MESSAGE_ID
from service_testing import eventually

from tests.faults.checker import Consumer, Observed, Recorded
from tests.faults.load import Memory
from tests.faults.processes import Processes

SERVICES = ("temoin", "archive")
HEALING = 60.0  # seconds within which everything is at rest after the last fault (I3)

_UNSETTLED = """
SELECT (SELECT count(*) FROM {0}.outbox WHERE stream_sequence IS NULL),
       (SELECT count(*) FROM {0}.event_attempts WHERE attempts > 0),
       (SELECT count(*) FROM {0}.dead_letters WHERE status = 'replaying')"""
_SESSIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'),
       (SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE datname = current_database() AND locktype <> 'advisory' AND pid <> pg_backend_pid())"""


async def observed(mesh: Processes, memory: Memory, *, each_id_once: bool = True) -> Observed:
    """Wait up to `HEALING` seconds for the mesh to come to rest, then read it."""
    client = await nats.connect(mesh.broker.url)
    try:
        js = client.jetstream()
        with contextlib.suppress(AssertionError):  # the checker names what has not come to rest (I9)
            await eventually(partial(_is_at_rest, mesh, js), timeout=HEALING)
        return await _read(mesh, js, memory, each_id_once)
    finally:
        await client.close()


async def _is_at_rest(mesh: Processes, js: JetStreamContext) -> bool:
    return not any((await _unsettled(mesh, js)).values())


async def _unsettled(mesh: Processes, js: JetStreamContext) -> dict[str, int]:
    """Counts by name of rows, messages, transactions and locks that are still under way."""
    found: dict[str, int] = {}
    with psycopg.connect(mesh.url, autocommit=True) as connection:
        for service in SERVICES:
            row = connection.execute(_UNSETTLED.format(service)).fetchone()
            assert row is not None
            names = (f"{service} {what}" for what in ("outbox", "attempts", "replays"))
            found |= dict(zip(names, row, strict=True))
        row = connection.execute(_SESSIONS).fetchone()
        assert row is not None
        found |= {"open transactions": row[0], "locks": row[1]}
    for service in SERVICES:
        try:
            info = await js.consumer_info(EVENTS_STREAM, f"{service}--client-created")
        except NotFoundError:
            found[f"{service} consumer"] = 1
        else:
            found[f"{service} consumer"] = (info.num_pending or 0) + (info.num_ack_pending or 0)
    return found


async def _read(mesh: Processes, js: JetStreamContext, memory: Memory, each_id_once: bool) -> Observed:
    announced = await message_ids(js, DEAD_LETTERS_STREAM, "crm.dlq.>")
    with psycopg.connect(mesh.url, autocommit=True) as connection:
        return Observed(
            invoked=memory.invoked,
            acknowledged=memory.acknowledged,
            committed=[key for (key,) in connection.execute("SELECT cle FROM temoin.ecritures")],
            recorded=_recorded(connection),
            stream=await message_ids(js, EVENTS_STREAM, "crm.events.>"),
            consumers={service: _consumer(connection, service, announced) for service in SERVICES},
            at_rest=await _unsettled(mesh, js),
            each_id_once=each_id_once,
        )


def _recorded(connection: psycopg.Connection) -> list[Recorded]:
    rows = connection.execute(
        "SELECT payload FROM temoin.outbox WHERE stream = %s ORDER BY id", (EVENTS_STREAM,)
    )
    events = [ClientCreatedEvent.FromString(payload) for (payload,) in rows]
    return [Recorded(one.event_id, one.nom, one.client_id, int(one.prenom)) for one in events]


def _consumer(connection: psycopg.Connection, service: str, announced: Iterable[str]) -> Consumer:
    effects = connection.execute(f"SELECT event_id::text FROM {service}.effets ORDER BY id").fetchall()
    dead = connection.execute(
        f"SELECT message_key FROM {service}.dead_letters WHERE status IN ('dead', 'dropped')"
    ).fetchall()
    counter = connection.execute(f"SELECT total FROM {service}.compteur").fetchone()
    assert counter is not None
    prefix = f"dlq:{service}--client-created:"
    mine = [one for one in announced if one.startswith(prefix)]
    return Consumer(
        effects=[event_id for (event_id,) in effects],
        counter=counter[0],
        dead=[key for (key,) in dead],
        announced=[one.removeprefix(prefix).removesuffix(":1") for one in mine],
    )


async def message_ids(js: JetStreamContext, stream: str, subject: str) -> list[str]:
    """The message ids of *stream*, in its order."""
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
    subscription = await js.pull_subscribe(subject, stream=stream, config=config)
    ids: list[str] = []
    last = (await js.stream_info(stream)).state.messages
    while len(ids) < last:
        try:
            messages = await subscription.fetch(500, timeout=1)
        except NatsTimeout:
            break
        ids += [(message.headers or {}).get(MESSAGE_ID, "") for message in messages]
    await subscription.unsubscribe()
    return ids
