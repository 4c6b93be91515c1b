"""A bare HTTP/2 client: sends what gRPC clients never would, frame by frame.

hyperframe makes and reads the frames (RFC 9113), hpack the headers (RFC 7541). It does not stand on
h2, which knows the states of streams and refuses to send what these tests have the server refuse.
"""

import asyncio
import logging
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

# hpack 4.2 writes every block of headers into its log, also what it is told never to show there;
# tests look for tokens in the log.
logging.getLogger("hpack").setLevel(logging.INFO)

Headers = Iterable[tuple[bytes, bytes]]

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD: Final = 9  # bytes of a frame before its payload
_LARGEST_FRAME: Final = 16384


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

    *settings* are SETTINGS sent at the start, as in {SettingsFrame.INITIAL_WINDOW_SIZE: 0} for no
    flow at all.
    """

    def __init__(self, address: str, settings: Mapping[int, int] | None = None) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._settings = SettingsFrame(settings=dict(settings or {}))
        self._encoder, self._decoder = Encoder(), Decoder()
        self._block = b""  # headers that have come so far, without their end
        self._answers: dict[int, Answer] = {}
        self._ended: dict[int, asyncio.Event] = {}
        self._settled = asyncio.Event()
        self._next = 1

    async def __aenter__(self) -> "Http2Connection":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(_PREFACE)
        self.send(self._settings)
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
        self.send(*_header_frames(stream, self._encoded(headers)))
        if body is not None:
            self.send(DataFrame(stream, body, flags=["END_STREAM"]))
        return stream

    def send(self, *frames: Frame) -> None:
        """Send *frames*, whatever they are."""
        self._writer.writelines(frame.serialize() for frame in frames)

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

    def _encoded(self, headers: Headers) -> bytes:
        """*headers* as literals, not as entries of a table, whose size the server may change."""
        literals = (NeverIndexedHeaderTuple(*header) for header in headers)
        return self._encoder.encode(literals, huffman=False)  # with it, 100 KB take a second

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(_HEAD)
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(await self._reader.readexactly(length)))
                self._take(frame)
        except (asyncio.IncompleteReadError, OSError):
            for stream, ended in self._ended.items():
                self._answers[stream].closed = not ended.is_set()
                ended.set()

    def _take(self, frame: Frame) -> None:
        match frame:
            case SettingsFrame() if "ACK" not in frame.flags:
                self.send(SettingsFrame(flags=["ACK"]))
                self._settled.set()
            case PingFrame() if "ACK" not in frame.flags:
                self.send(PingFrame(opaque_data=frame.opaque_data, flags=["ACK"]))
            case _ if frame.stream_id in self._answers:
                self._note(frame, self._answers[frame.stream_id])

    def _note(self, frame: Frame, answer: Answer) -> None:
        match frame:
            case HeadersFrame() | ContinuationFrame():
                self._block += frame.data
                if "END_HEADERS" in frame.flags:
                    answer.headers |= self._decoded()
            case DataFrame():
                answer.data += frame.data
            case RstStreamFrame():
                answer.reset = frame.error_code
        if isinstance(frame, RstStreamFrame) or "END_STREAM" in frame.flags:
            self._ended[frame.stream_id].set()

    def _decoded(self) -> dict[str, str]:
        block, self._block = self._block, b""
        pairs = self._decoder.decode(block, raw=True)
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


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


def _header_frames(stream: int, block: bytes) -> list[Frame]:
    first, *rest = [block[at : at + _LARGEST_FRAME] for at in range(0, len(block), _LARGEST_FRAME)]
    frames = [HeadersFrame(stream, first), *(ContinuationFrame(stream, part) for part in rest)]
    frames[-1].flags.add("END_HEADERS")
    return frames
