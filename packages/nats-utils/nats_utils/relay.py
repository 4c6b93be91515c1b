"""The relay: publishes the rows of the outbox, as the one leader of its schema, until they are confirmed.

Rows are taken in the order of their ids, and there is no cursor that could pass over a late
commit (decision 1). They stay after the confirmation: `reconciliation.py` compares them with a
broker that came back.
"""

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from db_utils import Connection, Database, clock, failpoint, session_options
from prometheus_client import Gauge

from nats_utils.bus import BUS_ERRORS, Bus
from nats_utils.outbox import MESSAGE_ID
from nats_utils.publisher import Outgoing, Publisher, Stored
from nats_utils.reconciliation import Confirmed, Ledger
from nats_utils.streams import EVENT_AGE
from nats_utils.tables import OutboxRow

_log = logging.getLogger(__name__)

PENDING = Gauge("crm_outbox_pending", "Messages recorded and not yet confirmed by the broker.", ["service"])

_WINDOW = 500  # messages published before waiting for their confirmations
_WINDOW_BYTES = 4 * 1024 * 1024  # of payload: the memory that a window of large messages takes
_WINDOW_TIMEOUT = 5.0  # seconds
_POLL = 1.0  # seconds between two looks: a commit wakes only the relay of its own process, which may not lead
_CHECK = 30.0  # seconds between comparisons with the broker
_GATHER = 0.003  # seconds in which the events of other commits join the window
_RETRY = 1.0  # seconds
_PURGE_BATCH = 1000  # rows of one statement, so that no lock is held for long
_FROZEN_AFTER = timedelta(seconds=20)

# The oldest rows up to a number, and of those as many as fit into a number of bytes, but one at least.
_PENDING_ROWS = """
SELECT id, stream, message_id, subject, payload, headers FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS before FROM (
        SELECT * FROM outbox WHERE stream_sequence IS NULL ORDER BY id LIMIT %s) AS oldest
) AS counted WHERE before < %s ORDER BY id"""
# Only in the session that holds the lock: behind a pooler a statement may run in another one.
_CONFIRM = """
UPDATE outbox SET stream_sequence = confirmed.sequence
FROM unnest(%s::bigint[], %s::bigint[]) AS confirmed (id, sequence)
WHERE outbox.id = confirmed.id AND pg_backend_pid() = %s"""
_LEAD = "SELECT pg_try_advisory_lock(hashtextextended('crm-relay-' || current_schema(), 0)), pg_backend_pid()"
_COUNT = "SELECT count(*) FROM outbox WHERE stream_sequence IS NULL"
_PURGE = """
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE created_at < %s AND stream_sequence IS NOT NULL LIMIT %s)"""


@dataclass(frozen=True, slots=True)
class _Signals:
    """Signals between relay and leader: a commit has *recorded* rows; nothing is being published."""

    recorded: asyncio.Event
    rested: asyncio.Event
    pending: Gauge


class LostLeadership(RuntimeError):
    """The session that confirms is not the one that holds the leader's lock."""


class Relay:
    """The relay of one replica. Of the relays of a schema one leads, which alone publishes.

    PostgreSQL ends the session of a leader that was silent for *frozen_after*, and its lock
    with it; another replica then leads within a second.
    """

    def __init__(self, database: Database, bus: Bus, *, frozen_after: timedelta = _FROZEN_AFTER) -> None:
        self._database, self._bus, self._frozen_after = database, bus, frozen_after
        self._publisher = Publisher(bus)
        self._signals = _Signals(asyncio.Event(), asyncio.Event(), PENDING.labels(database.schema))
        database.on_written(OutboxRow, self._note_recorded)

    async def run(self) -> None:
        """Publish until cancelled, through every loss of database or broker."""
        while True:
            try:
                await self._lead()
            except (psycopg.Error, LostLeadership, *BUS_ERRORS) as error:
                _log.warning("relay starts again: %s", type(error).__name__)
            self._signals.rested.set()
            await asyncio.sleep(_RETRY * random.uniform(0.5, 1.5))

    async def rest(self, timeout: float) -> None:
        """Wait until this relay has nothing that it could publish now, at most *timeout* seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._signals.rested.wait()

    def _note_recorded(self) -> None:
        self._signals.recorded.set()
        self._signals.rested.clear()

    async def _lead(self) -> None:
        async with await self._connect() as connection:
            session = await self._elected(connection)
            _log.info("relay of %s leads", self._database.schema)
            await _Leader(connection, session, self._bus, self._publisher, self._signals).work()

    async def _elected(self, connection: Connection) -> int:
        """Wait for the leader's lock; the process id of the session that holds it from now on."""
        while True:
            leads, session = await _one(connection, _LEAD)
            if leads:
                return int(session)
            self._signals.recorded.clear()
            self._signals.rested.set()
            await asyncio.sleep(_RETRY * random.uniform(0.5, 1.0))

    async def _connect(self) -> Connection:
        # Not one of the pool: the lock belongs to the session.
        silence = int(self._frozen_after.total_seconds() * 1000)
        options = f"{session_options(self._database.schema)} -c idle_session_timeout={silence}"
        return await psycopg.AsyncConnection.connect(
            self._database.url,
            autocommit=True,
            prepare_threshold=None,  # a kept plan would fail after a change of the table
            options=options,
            application_name=f"crm-{self._database.schema}-relay",
            connect_timeout=5,
        )


class _Leader:
    """The work of the relay that holds the lock, on *connection*, whose *session* holds it."""

    def __init__(
        self, connection: Connection, session: int, bus: Bus, publisher: Publisher, signals: _Signals
    ) -> None:
        self._connection, self._session = connection, session
        self._bus, self._publisher, self._signals = bus, publisher, signals
        self._ledger = Ledger(connection, bus)
        self._compared_generation = 0
        self._compared_at = float("-inf")

    async def work(self) -> None:
        while True:
            if not self._bus.up:
                await self._keep_session_until_up()
            await self._compare()
            self._signals.recorded.clear()
            if not await self._publish():
                await self._wait()

    async def _keep_session_until_up(self) -> None:
        """Wait for the broker, counting the rows; the statements keep PostgreSQL from ending the session."""
        self._signals.rested.set()
        while not self._bus.up:
            self._signals.pending.set((await _one(self._connection, _COUNT))[0])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL):
                    await self._bus.wait_up()

    async def _wait(self) -> None:
        """Wait until something is recorded, then a little longer, so that other commits share the window."""
        if not self._signals.recorded.is_set():
            self._signals.rested.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await self._signals.recorded.wait()
        await asyncio.sleep(_GATHER)

    async def _compare(self) -> None:
        """Reopen what the broker has lost: after each reconnection, and now and then without one."""
        now = asyncio.get_running_loop().time()
        same = self._bus.generation == self._compared_generation
        if same and now - self._compared_at < _CHECK and not self._ledger.full:
            return
        generation = self._bus.generation
        reopened = await self._ledger.reopen_lost()
        failpoint("relay.after_compare")
        if reopened:
            _log.warning("the broker had lost messages, publishing %d again", reopened)
        await self._purge()
        self._compared_generation, self._compared_at = generation, now

    async def _publish(self) -> bool:
        """Publish one window; True when the next one is due at once."""
        cursor = await self._connection.execute(_PENDING_ROWS, (_WINDOW, _WINDOW_BYTES), binary=True)
        rows = await cursor.fetchall()
        self._signals.pending.set(len(rows))
        if not rows or self._bus.generation != self._compared_generation:
            return bool(rows)
        self._signals.rested.clear()
        failpoint("relay.before_publish")
        stored = await self._publisher.publish([_outgoing(*row[2:]) for row in rows], _WINDOW_TIMEOUT)
        failpoint("relay.after_publish")
        confirmed = [_confirmed(rows[position], one) for position, one in stored.items()]
        if self._ledger.contradicted_by(confirmed):
            self._compared_at = float("-inf")  # compare first: the sequences of before mean nothing now
            return True
        if confirmed:
            await self._confirm(confirmed)
            self._ledger.note(confirmed)
            failpoint("relay.after_confirm")
        if len(confirmed) < len(rows):
            await self._bus.declare_streams()
            await asyncio.sleep(_RETRY)
            return True
        return len(rows) == _WINDOW or sum(len(row[4]) for row in rows) >= _WINDOW_BYTES

    async def _confirm(self, window: list[Confirmed]) -> None:
        ids, sequences = [one.id for one in window], [one.sequence for one in window]
        cursor = await self._connection.execute(_CONFIRM, (ids, sequences, self._session))
        if cursor.rowcount != len(window):
            raise LostLeadership

    async def _purge(self) -> None:
        """Delete the confirmed rows whose messages have aged out of the stream, a day later."""
        old = clock.now() - EVENT_AGE - timedelta(days=1)
        while (await self._connection.execute(_PURGE, (old, _PURGE_BATCH))).rowcount == _PURGE_BATCH:
            pass


def _outgoing(message_id: str, subject: str, payload: bytes, headers: dict[str, str]) -> Outgoing:
    return Outgoing(subject, payload, {MESSAGE_ID: message_id, **headers})


def _confirmed(row: tuple[Any, ...], stored: Stored) -> Confirmed:
    return Confirmed(row[0], row[1], row[2], stored.sequence, stored.duplicate)


async def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row
