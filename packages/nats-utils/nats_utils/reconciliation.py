"""Messages that the broker had confirmed and has lost: found here, published again by `relay.py`.

JetStream confirms before it syncs to disk (every two minutes by default); stores get restored
from older copies, disks and block files get lost. The server itself tells the gaps and the
beginning of a stream; a lost end is found by bisection.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db_utils import Connection, clock
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from nats_utils.bus import Bus
from nats_utils.events import DEAD_LETTERS_STREAM, EVENTS_STREAM, IDENTITY_STREAM
from nats_utils.outbox import MESSAGE_ID
from nats_utils.streams import EVENT_AGE

_PUBLISHED = (EVENTS_STREAM, IDENTITY_STREAM, DEAD_LETTERS_STREAM)
_CLOCKS_DIFFER = timedelta(hours=1)  # at most, between this machine and the broker
_REMEMBERED = 100_000  # confirmations between two comparisons, 8 bytes each

_NEWEST = """
SELECT stream_sequence, message_id FROM outbox
WHERE stream = %s AND stream_sequence IS NOT NULL ORDER BY stream_sequence DESC LIMIT 1"""
_NEXT = """
SELECT stream_sequence, message_id FROM outbox
WHERE stream = %s AND stream_sequence >= %s ORDER BY stream_sequence LIMIT 1"""
_REOPEN = "UPDATE outbox SET stream_sequence = NULL WHERE stream = %s AND "
_REOPEN_END = _REOPEN + "stream_sequence >= %s"
_REOPEN_GAPS = _REOPEN + "stream_sequence = ANY(%s::bigint[])"
_REOPEN_BEGINNING = _REOPEN + "stream_sequence < %s AND created_at > %s"
_REOPEN_RECENT = _REOPEN + "id = ANY(%s::bigint[])"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Row *id* of the outbox, stored at *sequence*; a *duplicate* since an earlier publication."""

    id: int
    stream: str
    message_id: str
    sequence: int
    duplicate: bool


class Ledger:
    """The confirmations that one leader got, compared with what the streams hold."""

    def __init__(self, connection: Connection, bus: Bus) -> None:
        self._connection = connection
        self._streams = [_Stream(connection, bus, name) for name in _PUBLISHED]

    def contradicted_by(self, window: Sequence[Confirmed]) -> bool:
        """Whether *window* shows a loss: a new message stands where an older one stood."""
        return any(stream.contradicted_by(_of(stream, window)) for stream in self._streams)

    def note(self, window: Sequence[Confirmed]) -> None:
        """Remember *window* until the next comparison."""
        for stream in self._streams:
            stream.note(_of(stream, window))

    @property
    def full(self) -> bool:
        """Whether a comparison is due, because 100,000 confirmations were noted since the last."""
        return any(stream.full for stream in self._streams)

    async def reopen_lost(self) -> int:
        """Mark the confirmed messages that the broker lacks as unpublished; their number."""
        return sum([await stream.reopen_lost() for stream in self._streams])


def _of(stream: "_Stream", window: Sequence[Confirmed]) -> list[Confirmed]:
    return [one for one in window if one.stream == stream.name]


class _Stream:
    """The confirmed messages of one stream."""

    def __init__(self, connection: Connection, bus: Bus, name: str) -> None:
        self._connection, self._bus, self.name = connection, bus, name
        self._ids = array("q")
        self._last_of_windows: list[tuple[int, str]] = []
        self._newest = 0

    @property
    def full(self) -> bool:
        return len(self._ids) > _REMEMBERED

    def contradicted_by(self, window: Sequence[Confirmed]) -> bool:
        return any(one.sequence <= self._newest and not one.duplicate for one in window)

    def note(self, window: Sequence[Confirmed]) -> None:
        fresh = [one for one in window if not one.duplicate]
        if not fresh:
            return
        last = max(fresh, key=lambda one: one.sequence)
        self._newest = last.sequence
        self._ids.extend(one.id for one in fresh)
        self._last_of_windows.append((last.sequence, last.message_id))

    async def reopen_lost(self) -> int:
        reopened = 0
        if await self._row(_NEWEST):
            js, state = self._bus.js, await self._state()
            reopened += await self._reopen_told(state)
            if await self._was_cut_unnoticed(js):
                reopened += await self._reopen(_REOPEN_RECENT, list(self._ids))
            reopened += await self._reopen_end(js, state["first_seq"])
        newest = await self._row(_NEWEST)
        self._newest = newest[0] if newest else 0
        self._ids, self._last_of_windows = array("q"), []
        return reopened

    async def _state(self) -> dict[str, Any]:
        """The state that the server tells of the stream; a missing one is declared again first."""
        try:
            state = await self._ask_state()
        except NotFoundError:
            await self._bus.declare_streams()
            state = await self._ask_state()
        return state

    async def _ask_state(self) -> dict[str, Any]:
        # nats-py's `stream_info` cannot ask for the gaps.
        subject = f"$JS.API.STREAM.INFO.{self.name}"
        answer = await self._bus.client.request(subject, b'{"deleted_details": true}', timeout=5)
        told: dict[str, Any] = json.loads(answer.data)
        if "error" in told:
            APIError.from_error(told["error"])
        state: dict[str, Any] = told["state"]
        return state

    async def _reopen_told(self, state: dict[str, Any]) -> int:
        """Reopen gaps, and what stood before the first message and is too young to have aged out."""
        reopened = 0
        if gaps := state.get("deleted"):
            reopened += await self._reopen(_REOPEN_GAPS, gaps)
        young = clock.now() - EVENT_AGE + _CLOCKS_DIFFER
        return reopened + await self._reopen(_REOPEN_BEGINNING, state["first_seq"], young)

    async def _was_cut_unnoticed(self, js: JetStreamContext) -> bool:
        """Whether the stream lost its end between two of our windows, and grew again.

        Then lost and held messages alternate, and bisection could miss the lost ones.
        """
        lost = False
        for sequence, message_id in self._last_of_windows:
            held = await self._holds(js, sequence, message_id)
            if held and lost:
                return True
            lost = lost or not held
        return False

    async def _reopen_end(self, js: JetStreamContext, first: int) -> int:
        """Reopen our messages that the stream has lost at its end.

        Which is the oldest of them is found by bisection: the stream holds every earlier one.
        """
        newest = await self._row(_NEWEST)
        if newest is None or newest[0] < first or await self._holds(js, *newest):
            return 0
        low, high = first, newest[0]
        while low < high:
            middle = (low + high) // 2
            row = await self._row(_NEXT, middle)
            assert row is not None
            if await self._holds(js, *row):
                low = row[0] + 1
            else:
                high = middle
        return await self._reopen(_REOPEN_END, high)

    async def _row(self, query: str, *values: object) -> tuple[int, str] | None:
        row = await (await self._connection.execute(query, (self.name, *values))).fetchone()
        return None if row is None else (row[0], row[1])

    async def _reopen(self, query: str, *values: object) -> int:
        return (await self._connection.execute(query, (self.name, *values))).rowcount

    async def _holds(self, js: JetStreamContext, sequence: int, message_id: str) -> bool:
        try:
            message = await js.get_msg(self.name, sequence)
        except NotFoundError:
            return False
        return (message.headers or {}).get(MESSAGE_ID) == message_id
