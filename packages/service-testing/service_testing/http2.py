"""A bare HTTP/2 client: sends what gRPC clients never would, byte for byte.

Just enough of RFC 9113 and RFC 7541 for hostile calls: headers go out as literals, and
answers are read with an empty dynamic table, which the client asks for.
"""

import asyncio
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

Headers = Iterable[tuple[bytes, bytes]]

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_NO_TABLE = struct.pack(">HI", 1, 0)  # SETTINGS_HEADER_TABLE_SIZE = 0
_LARGEST_FRAME = 16384
# What servers answer from the static table (RFC 7541 appendix A): its pseudo-headers and names.
_STATIC = {8: (b":status", b"200"), 13: (b":status", b"404"), 14: (b":status", b"500")}
_STATIC_NAMES = {8: b":status", 28: b"content-length", 31: b"content-type", 54: b"server"}


@dataclass(slots=True)
class Answer:
    """What came back on one stream: its headers and trailers together, its data, how it ended."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    reset: int | None = None
    closed: bool = False

    @property
    def status(self) -> int | None:
        """The gRPC status code, None when the stream ended without one."""
        code = self.headers.get("grpc-status")
        return None if code is None else int(code)


class Http2Connection:
    """One connection to *address* (host:port), to be used with `async with`.

    *settings* are SETTINGS sent at the start, by number, as in {4: 0} for no flow at all.
    """

    def __init__(self, address: str, settings: dict[int, int] | None = None) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        extra = (settings or {}).items()
        self._settings = _NO_TABLE + b"".join(struct.pack(">HI", *pair) for pair in extra)
        self._answers: dict[int, Answer] = {}
        self._ended: dict[int, asyncio.Event] = {}
        self._settled = asyncio.Event()
        self._next = 1

    async def __aenter__(self) -> "Http2Connection":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(_PREFACE + frame(SETTINGS, 0, 0, self._settings))
        self._reading = asyncio.create_task(self._read())
        await self._settled.wait()  # a server's limits count once it has seen them acknowledged
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def open(self, headers: Headers, body: bytes | None = b"\0\0\0\0\0") -> int:
        """Start a stream with *headers* and *body* (None: leave it open); its number."""
        stream, self._next = self._next, self._next + 2
        self._answers[stream], self._ended[stream] = Answer(), asyncio.Event()
        block = b"".join(_literal(name, value) for name, value in headers)
        first, *rest = [block[at : at + _LARGEST_FRAME] for at in range(0, len(block), _LARGEST_FRAME)]
        self.send(HEADERS, 0 if rest else END_HEADERS, stream, first)
        for number, part in enumerate(rest, 1):
            self.send(CONTINUATION, END_HEADERS if number == len(rest) else 0, stream, part)
        if body is not None:
            self.send(DATA, END_STREAM, stream, body)
        return stream

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Send one frame, whatever it is."""
        self._writer.write(frame(kind, flags, stream, payload))

    async def answer(self, stream: int, timeout: float = 10.0) -> Answer:
        """What came back on *stream*, once it has ended or the connection has."""
        async with asyncio.timeout(timeout):
            await self._ended[stream].wait()
        return self._answers[stream]

    def received(self, stream: int) -> Answer | None:
        """What has come back on *stream* so far, None before anything has."""
        answer = self._answers[stream]
        return answer if answer.headers else None

    async def call(self, path: str, metadata: Headers = (), body: bytes = b"\0\0\0\0\0") -> Answer:
        """One unary call of *path* with *metadata* and *body* (one empty message)."""
        return await self.answer(self.open([*grpc_headers(path), *metadata], body))

    async def _read(self) -> None:
        try:
            while True:
                length, kind, flags, stream = struct.unpack(">3sBBI", await self._reader.readexactly(9))
                payload = await self._reader.readexactly(int.from_bytes(length))
                self._take(kind, flags, stream, payload)
        except (asyncio.IncompleteReadError, OSError):
            for stream, ended in self._ended.items():
                self._answers[stream].closed = not ended.is_set()
                ended.set()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind in (SETTINGS, PING) and not flags & ACK:
            self.send(kind, ACK, 0, payload if kind == PING else b"")
            self._settled.set()
        answer = self._answers.get(stream)
        if answer is None:
            return
        if kind == HEADERS:
            answer.headers |= _decoded(payload)
        elif kind == DATA:
            answer.data += payload
        elif kind == RST_STREAM:
            answer.reset = int.from_bytes(payload)
        if kind == RST_STREAM or (kind in (HEADERS, DATA) and flags & END_STREAM):
            self._ended[stream].set()


def grpc_headers(path: str) -> list[tuple[bytes, bytes]]:
    """The headers with which every gRPC call of *path* begins."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]


def message(content: bytes, *, compressed: bool = False) -> bytes:
    """*content* in the five-byte frame of a gRPC message."""
    return struct.pack(">BI", compressed, len(content)) + content


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """An HTTP/2 frame."""
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + _text(name) + _text(value)


def _text(raw: bytes) -> bytes:
    return _number(len(raw), 7) + raw


def _number(value: int, bits: int) -> bytes:
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    rest, value = [limit], value - limit
    while value >= 128:
        rest.append(value % 128 + 128)
        value //= 128
    return bytes([*rest, value])


def _decoded(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _read_number(block, at, 7)
            name, value = _STATIC[index]
        elif first & 0xE0 == 0x20:
            _, at = _read_number(block, at, 5)  # the size of the table, which is zero
            continue
        else:
            index, at = _read_number(block, at, 6 if first & 0x40 else 4)
            name, at = (_STATIC_NAMES[index], at) if index else _read_text(block, at)
            value, at = _read_text(block, at)
        found[name.decode("latin-1")] = value.decode("latin-1")
    return found


def _read_text(block: bytes, at: int) -> tuple[bytes, int]:
    """A string; one in Huffman code (binary trailers only) is left as it is."""
    length, at = _read_number(block, at, 7)
    return block[at : at + length], at + length


def _read_number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    limit = (1 << bits) - 1
    value, at = block[at] & limit, at + 1
    if value < limit:
        return value, at
    shift = 0
    while True:
        byte, at = block[at], at + 1
        value += (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return value, at
