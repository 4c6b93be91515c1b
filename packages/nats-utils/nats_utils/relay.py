"""From the outbox to the broker: one leader per schema, in order, until it is confirmed.

Rows are taken in the order of their ids. An outbox row is written with the commit, after
its transaction has locked the rows it changed, so the ids of events about one row have
the order of its changes; there is no cursor that could pass over a late commit. Rows stay
after the confirmation: `reconciliation.py` compares them with a broker that came back.
"""

import asyncio
import contextlib
import logging
import random
from datetime import timedelta
from typing import Any

import psycopg
from db_utils import Connection, Database, clock, failpoint, session_options
from prometheus_client import Gauge

from nats_utils.bus import BUS_ERRORS, Bus
from nats_utils.outbox import MESSAGE_ID
from nats_utils.publisher import Outgoing, Publisher
from nats_utils.reconciliation import reopen_lost
from nats_utils.streams import EVENT_AGE
from nats_utils.tables import OutboxRow

_log = logging.getLogger(__name__)

PENDING = Gauge("crm_outbox_pending", "Messages recorded and not yet confirmed by the broker.", ["service"])

_WINDOW = 500  # messages published before waiting for their confirmations
_WINDOW_TIMEOUT = 5.0
_POLL = 1.0  # seconds; the safety net under the wake-up after a commit
_CHECK = 30.0  # seconds between comparisons with the broker
_GATHER = 0.003  # seconds in which the events of other commits join the window
_RETRY = 1.0
_PURGE_BATCH = 1000

_PENDING_ROWS = """
SELECT id, message_id, stream, subject, payload, headers FROM outbox
WHERE stream_sequence IS NULL ORDER BY id LIMIT %s"""
_CONFIRM = """
UPDATE outbox SET stream_sequence = confirmed.sequence
FROM unnest(%s::bigint[], %s::bigint[]) AS confirmed (id, sequence)
WHERE outbox.id = confirmed.id AND pg_backend_pid() = %s"""
_LEAD = "SELECT pg_try_advisory_lock(hashtextextended('crm-relay-' || current_schema(), 0)), pg_backend_pid()"
_COUNT = "SELECT count(*) FROM outbox WHERE stream_sequence IS NULL"
_PURGE = """
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE created_at < %s AND stream_sequence IS NOT NULL LIMIT %s)"""


class LostLeadership(RuntimeError):
    """The session that holds the leader's lock is not the one that writes."""


class Relay:
    """Publishes what the service's transactions have recorded in its outbox."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus
        self._recorded = asyncio.Event()
        self._pending = PENDING.labels(database.schema)
        database.on_written(OutboxRow, self._recorded.set)

    async def run(self) -> None:
        """Publish until cancelled, through every loss of database or broker."""
        while True:
            try:
                await self._lead()
            except (psycopg.Error, LostLeadership, *BUS_ERRORS) as error:
                _log.warning("relay starts again: %s", type(error).__name__)
            await asyncio.sleep(_RETRY * random.uniform(0.5, 1.5))

    async def _lead(self) -> None:
        async with await self._connect() as connection:
            leading, session = await _one(connection, _LEAD)
            if leading:
                await _Leader(connection, session, self._bus, self._recorded, self._pending).work()

    async def _connect(self) -> Connection:
        # A connection of its own: the lock belongs to the session. A leader that is frozen
        # for 20 seconds loses the session, and the lock with it, to another replica.
        options = session_options(self._database.schema) + " -c idle_session_timeout=20s"
        return await psycopg.AsyncConnection.connect(
            self._database.url,
            autocommit=True,
            prepare_threshold=0,
            options=options,
            application_name=f"crm-{self._database.schema}-relay",
            connect_timeout=5,
        )


class _Leader:
    """The work of the one relay that holds the lock, on the session that holds it."""

    def __init__(
        self, connection: Connection, session: int, bus: Bus, recorded: asyncio.Event, pending: Gauge
    ) -> None:
        self._connection, self._session, self._bus = connection, session, bus
        self._recorded, self._pending = recorded, pending
        self._publisher = Publisher(bus)
        self._compared_generation = 0
        self._compared_at = float("-inf")

    async def work(self) -> None:
        while True:
            if not self._bus.up:
                await self._keep_session_until_up()
            await self._compare()
            self._recorded.clear()
            if await self._publish() < _WINDOW:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._recorded.wait(), _POLL)
                await asyncio.sleep(_GATHER)

    async def _keep_session_until_up(self) -> None:
        while not self._bus.up:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bus.wait_up(), _POLL)
            self._pending.set((await _one(self._connection, _COUNT))[0])

    async def _compare(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._bus.generation == self._compared_generation and now - self._compared_at < _CHECK:
            return
        generation = self._bus.generation
        reopened = await reopen_lost(self._connection, self._bus)
        if reopened:
            _log.warning("the broker had lost %d messages, publishing them again", reopened)
        await self._purge()
        self._compared_generation, self._compared_at = generation, now

    async def _publish(self) -> int:
        """Publish one window; how many messages were confirmed."""
        cursor = await self._connection.execute(_PENDING_ROWS, (_WINDOW,), binary=True)
        rows = await cursor.fetchall()
        self._pending.set(len(rows))
        if not rows:
            return 0
        failpoint("relay.before_publish")
        messages = [_outgoing(*row[1:]) for row in rows]
        sequences = await self._publisher.publish(messages, _WINDOW_TIMEOUT)
        failpoint("relay.after_publish")
        if not sequences:
            await asyncio.sleep(_RETRY)
            return 0
        await self._confirm([(rows[position][0], sequence) for position, sequence in sequences.items()])
        failpoint("relay.after_confirm")
        return len(sequences)

    async def _confirm(self, confirmed: list[tuple[int, int]]) -> None:
        ids, sequences = (list(part) for part in zip(*confirmed, strict=True))
        cursor = await self._connection.execute(_CONFIRM, (ids, sequences, self._session))
        if cursor.rowcount != len(confirmed):
            raise LostLeadership

    async def _purge(self) -> None:
        """Forget confirmed rows that the stream has forgotten too."""
        old = clock.now() - EVENT_AGE - timedelta(days=1)
        while (await self._connection.execute(_PURGE, (old, _PURGE_BATCH))).rowcount == _PURGE_BATCH:
            pass


def _outgoing(
    message_id: str, stream: str, subject: str, payload: bytes, headers: dict[str, str]
) -> Outgoing:
    return Outgoing(subject, payload, {MESSAGE_ID: message_id, **headers})


async def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row
