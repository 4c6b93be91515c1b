"""A bucket whose server fails: what is tried again, what a reader gets, and when it is given up (R18)."""

import asyncio
import hashlib
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from service_documents.s3_engine import S3Engine
from service_documents.storage import StockageIndisponible, Storage
from tests.test_storage import settings_of

CONTENT = bytes(range(256)) * 1000
_RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-(\d+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Failing:
    """A server with one object; its next answers are *ends*: "cut" in the middle, a status, or well."""

    def __init__(self, *ends: str) -> None:
        self.ends = list(ends)
        self.asked: list[bytes] = []
        self.kept = b""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and hang up."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split()[0])
        if b"100-continue" in head.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if (length := _LENGTH.search(head)) is not None:
            self.kept = await reader.readexactly(int(length[1]))
        end = self.ends.pop(0) if self.ends else "well"
        if end.isdigit():
            writer.write(f"HTTP/1.1 {end} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        else:
            writer.write(self._answer_to(head, cut=end == "cut"))
        await writer.drain()
        writer.close()

    def _answer_to(self, head: bytes, *, cut: bool) -> bytes:
        wanted = _RANGE.search(head)
        if wanted is None:
            return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        part = CONTENT[int(wanted[1]) : int(wanted[2]) + 1]
        start = f"HTTP/1.1 206 Partial\r\ncontent-length: {len(part)}\r\nconnection: close\r\n\r\n".encode()
        return start + (part[: len(part) // 2] if cut else part)


@asynccontextmanager
async def storage_on(server: Failing) -> AsyncIterator[Storage]:
    """A store whose bucket is at *server*."""
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    settings = settings_of(
        stockage="s3",
        s3_bucket="b",
        s3_endpoint_url=f"http://127.0.0.1:{port}",
        s3_access_key="essai",
        s3_secret_key="essai",
    )
    try:
        yield Storage(await asyncio.to_thread(S3Engine, settings))
    finally:
        listening.close()


async def read(storage: Storage) -> bytes:
    """The whole object."""
    return b"".join([block async for block in storage.read("a/2026/03/b", 0, len(CONTENT))])


async def test_R18_a_read_goes_on_where_it_was_cut() -> None:
    """The reader gets every byte once."""
    server = Failing("cut", "cut")
    async with storage_on(server) as storage:
        assert await read(storage) == CONTENT
    assert len(server.asked) == 3


@pytest.mark.parametrize("end", ["cut", "503"])
async def test_R18_a_read_that_fails_three_times_is_given_up(end: str) -> None:
    """UNAVAILABLE, after whatever has come."""
    server = Failing(*[end] * 3)
    async with storage_on(server) as storage:
        with pytest.raises(StockageIndisponible):
            await read(storage)
    assert len(server.asked) == 3


async def test_R18_a_write_is_repeated_whole() -> None:
    """From the beginning of the content, each time."""
    server = Failing("500", "503")
    async with storage_on(server) as storage:
        await storage.write("a/2026/03/b", io.BytesIO(CONTENT), hashlib.sha256(CONTENT).digest())
    assert server.asked == [b"PUT"] * 3
    assert CONTENT in server.kept


async def test_R18_a_write_that_fails_three_times_is_given_up() -> None:
    """Nobody tries a fourth time, the library neither."""
    server = Failing(*["503"] * 4)
    async with storage_on(server) as storage:
        with pytest.raises(StockageIndisponible):
            await storage.write("a/2026/03/b", io.BytesIO(CONTENT), hashlib.sha256(CONTENT).digest())
    assert len(server.asked) == 3
