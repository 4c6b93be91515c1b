"""An outside party on a free port: a real HTTP server that is slow, down, and back at its address."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


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
