"""A bare HTTP/1.1 client: sends bytes as they are, for what no HTTP library would send."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: *headers* have lower-case names and stand in their order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of all headers *name*."""
        return [value for key, value in self.headers if key == name]


async def exchange(address: str, *sent: bytes, timeout: float = 10.0) -> Answer | None:
    """Send *sent* to *address* (host:port) on a connection of its own; the first answer to it.

    None when the server closes the connection without one. Nothing is sent after it has
    begun to answer.
    """
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(timeout):
            with suppress(ConnectionError):
                for part in sent:
                    writer.write(part)
                    await writer.drain()
            return await _answer(reader)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def request(line: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """A request with its Host and Content-Length: *line* is as in "GET /healthz"."""
    lines = [f"{line} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def _answer(reader: asyncio.StreamReader) -> Answer | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    status = int(first.split()[1])
    if status < 200:
        return await _answer(reader)
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    try:
        body = await reader.readexactly(length)
    except asyncio.IncompleteReadError as ended:
        body = ended.partial
    return Answer(status, headers, body)
