"""An outside party on a free port: a real HTTP server that is slow, down, and back at its address."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """What a client has asked: the parameters of its query and of its form together.

    *headers* have lower-case names.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]


class HttpParty(ABC):
    """Answers one request per connection; *port* is known once it has started."""

    def __init__(self) -> None:
        self.port = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Answer no request before the end."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Refuse connections."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    async def start(self) -> None:
        """Listen, at the former port if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @abstractmethod
    async def _exchange(self, reader: asyncio.StreamReader) -> bytes:
        """The reply to the request on *reader*, b"" to hang up. Notes it, then awaits `_flows`."""

    async def _flows(self) -> None:
        await self._flowing.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._exchange(reader))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away, which is its right
        finally:
            writer.close()


def http_reply(status: int, body: bytes, *headers: str) -> bytes:
    """An HTTP/1.1 response that ends its connection."""
    lines = [f"HTTP/1.1 {status} -", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def json_reply(status: int, content: object, *headers: str) -> bytes:
    """*content* as JSON."""
    return http_reply(status, json.dumps(content).encode(), "content-type: application/json", *headers)


async def read_request(reader: asyncio.StreamReader) -> Request:
    """The next request, with a form or no body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.split(" ", 2)
    pairs = (line.partition(": ") for line in head.splitlines()[1:] if ": " in line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    url = urlsplit(target)
    parameters = dict(parse_qsl(url.query) + parse_qsl(body.decode()))
    return Request(method, url.path, parameters, headers)
