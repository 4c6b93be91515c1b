"""A broker may come back without messages it had confirmed; they are published again.

JetStream confirms before it syncs to disk (every two minutes by default), stores get
restored from older copies, disks get replaced. What a stream has lost is always its end:
it is append-only. So if our newest confirmed message is still in its place, all are;
otherwise the oldest one that is missing is found by bisection.
"""

from db_utils import Connection
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from nats_utils.bus import Bus
from nats_utils.outbox import MESSAGE_ID

_STREAMS = """
SELECT stream, count(*) FROM outbox WHERE stream_sequence IS NOT NULL GROUP BY stream"""
_AT_RANK = """
SELECT stream_sequence, message_id FROM outbox WHERE stream = %s AND stream_sequence IS NOT NULL
ORDER BY stream_sequence OFFSET %s LIMIT 1"""
_NEWEST = """
SELECT stream_sequence, message_id FROM outbox WHERE stream = %s AND stream_sequence IS NOT NULL
ORDER BY stream_sequence DESC LIMIT 1"""
_REOPEN = "UPDATE outbox SET stream_sequence = NULL WHERE stream = %s AND stream_sequence >= %s"


async def reopen_lost(connection: Connection, bus: Bus) -> int:
    """Mark as unpublished the confirmed messages that *bus* no longer holds; their number."""
    reopened = 0
    for stream, confirmed in await (await connection.execute(_STREAMS)).fetchall():
        lost = await _Comparison(connection, bus.js, stream).oldest_lost(confirmed)
        if lost is not None:
            reopened += (await connection.execute(_REOPEN, (stream, lost))).rowcount
    return reopened


class _Comparison:
    """Our confirmed messages of one stream against what the stream holds."""

    def __init__(self, connection: Connection, js: JetStreamContext, stream: str) -> None:
        self._connection, self._js, self._stream = connection, js, stream
        self._first = 0

    async def oldest_lost(self, confirmed: int) -> int | None:
        """The sequence of our oldest message that the stream lacks, None when it has all."""
        self._first = (await self._js.stream_info(self._stream)).state.first_seq
        lost = await self._sequence_if_lost(_NEWEST, (self._stream,))
        if lost is None:
            return None
        low, high = 0, confirmed - 1  # ranks; the one at `high` is lost
        while low < high:
            middle = (low + high) // 2
            found = await self._sequence_if_lost(_AT_RANK, (self._stream, middle))
            if found is None:
                low = middle + 1
            else:
                high, lost = middle, found
        return lost

    async def _sequence_if_lost(self, query: str, values: tuple[object, ...]) -> int | None:
        row = await (await self._connection.execute(query, values)).fetchone()
        if row is None or await self._holds(*row):
            return None
        return int(row[0])

    async def _holds(self, sequence: int, message_id: str) -> bool:
        if sequence < self._first:
            return True  # aged out of the stream in the normal way
        try:
            message = await self._js.get_msg(self._stream, sequence)
        except NotFoundError:
            return False
        return (message.headers or {}).get(MESSAGE_ID) == message_id
