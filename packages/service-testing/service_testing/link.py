"""A wire between a service and its database that counts what it carries, can be cut and can hang.

async with database_link(fresh_database()) as link:
    async with running(SERVICE, database_url=link.url) as mesh: ...
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CHUNK = 65536


class DatabaseLink:
    """A local port in front of the server of *url*; *sent* counts the bytes that went to it."""

    def __init__(self, url: str) -> None:
        found = conninfo_to_dict(url)
        self._socket = f"{found['host']}/.s.PGSQL.{found.get('port') or 5432}"
        self._url, self._port = url, 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open = False
        self.sent = 0

    @property
    def url(self) -> str:
        """The connection string of the database through this wire."""
        return make_conninfo(self._url, host="127.0.0.1", port=self._port)

    async def connect(self) -> None:
        """Accept connections, at the former port if there was one."""
        self._open = True
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def disconnect(self) -> None:
        """End all connections and refuse new ones."""
        self._open = False
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.close()
        await asyncio.gather(*self._carrying)

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        """No connection inside; new ones are possible again afterwards."""
        await self.disconnect()
        try:
            yield
        finally:
            await self.connect()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Connections stay, but nothing arrives any more inside."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket)
        if not self._open:  # the wire was cut while this connection was being made
            back.close()
            writer.close()
            return
        self._writers |= {back, writer}
        for carry in (self._carry(reader, back, counted=True), self._carry(there, writer, counted=False)):
            task = asyncio.create_task(carry)
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                await self._flowing.wait()
                self.sent += len(chunk) if counted else 0
                writer.write(chunk)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()


@asynccontextmanager
async def database_link(url: str) -> AsyncIterator[DatabaseLink]:
    """A wire to the database of *url*."""
    link = DatabaseLink(url)
    await link.connect()
    try:
        yield link
    finally:
        await link.disconnect()
