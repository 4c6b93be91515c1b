"""The port of the stores: contents by key, whatever keeps them (R17, R18).

An `Engine` does one thing at a time and blocks; `Storage` calls it in threads, with time limits and
further attempts. Engines: `file_engine.py`, `s3_engine.py`; `storages.py` chooses one.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol, TypeVar

import stamina
from grpc_utils.errors import Unavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

BLOCK = 64 * 1024  # bytes of a block that is read (R8)
TIMEOUT = 10.0  # seconds of one call (R18)
ATTEMPTS = 3
_THREADS = 16  # calls of a store at once
_FIRST_PAUSE, _JITTER = 0.1, 0.1  # seconds, doubled after each attempt (C14)


class StockageIndisponible(Unavailable):
    """Le stockage des fichiers est momentanément indisponible ; réessayez plus tard."""


class StorageFailure(Exception):
    """Failure of one call of an engine; another attempt may succeed."""


class ObjectMissing(Exception):
    """A content that the store does not have."""


class Opened(Protocol):
    """A content that is being read. Raises StorageFailure."""

    def read(self, most: int, /) -> bytes:
        """Return the next *most* bytes, fewer at the end."""

    def close(self) -> None:
        """Give everything back."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a linked content is downloaded: under which name, as which type, for how many seconds."""

    nom_fichier: str
    type_mime: str
    duree_s: int


class Engine(Protocol):
    """A store. All calls block, and raise StorageFailure."""

    @property
    def name(self) -> str:
        """The name under which rows remember it."""

    def write(self, key: str, content: BinaryIO, sha256: bytes) -> None:
        """Keep *content*, from its beginning, whole or not at all; what *key* had is replaced."""

    def open(self, key: str, start: int, length: int) -> Opened:
        """Read *length* bytes of a content from *start*. Raises ObjectMissing."""

    def delete(self, key: str) -> None:
        """Remove a content, if it is there."""

    def link(self, key: str, attachment: Attachment) -> str | None:
        """Make an address from which anybody may download, None where there is no such thing."""


class Storage:
    """The store of *engine*. Its calls raise StockageIndisponible after three attempts."""

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self._engine = engine
        # Of its own: those of the loop are few, and calls that hang would keep everything else waiting.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"storage-{engine.name}")

    async def write(self, key: str, content: BinaryIO, sha256: bytes) -> None:
        """Keep *content* under *key*: a repetition writes the same."""
        await _attempted("write", partial(self._in_thread, partial(self._engine.write, key, content, sha256)))

    async def delete(self, key: str) -> None:
        """Remove the content of *key*, if it is there."""
        await _attempted("delete", partial(self._in_thread, partial(self._engine.delete, key)))

    async def link(self, key: str, attachment: Attachment) -> str | None:
        """Make an address of the content of *key*, None where there is no such thing."""
        return await _attempted("link", partial(self._in_thread, partial(self._engine.link, key, attachment)))

    async def read(self, key: str, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Read a content in blocks, fewer bytes than *length* if it is shorter. Raises ObjectMissing.

        After a failure in the middle the rest is asked for.
        """
        place, end = start, start + length
        for attempt in range(1, ATTEMPTS + 1):
            try:
                opened = await self._opened(key, place, end - place)
                try:
                    while place < end and (block := await self._in_thread(partial(opened.read, BLOCK))):
                        place += len(block)
                        yield block
                    return
                finally:
                    await self._in_thread(opened.close)
            except StorageFailure as failure:
                _log.warning("read of %s failed: %s (attempt %d)", key, failure, attempt)
                if attempt < ATTEMPTS:
                    await asyncio.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
        raise StockageIndisponible

    async def _opened(self, key: str, start: int, length: int) -> Opened:
        """Open a content; a reader who goes away meanwhile leaves nothing open. Raises StorageFailure."""
        call = partial(self._engine.open, key, start, length)
        opening = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.shield(opening)
        except TimeoutError:
            opening.add_done_callback(_close)
            raise StorageFailure("no answer in time") from None
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            raise

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Run *call* in a thread, for ten seconds at most. Raises StorageFailure."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError:
            raise StorageFailure("no answer in time") from None


def _close(opening: asyncio.Future[Opened]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _attempted(name: str, call: Callable[[], Awaitable[T]]) -> T:
    try:
        async for attempt in stamina.retry_context(
            on=StorageFailure, attempts=ATTEMPTS, timeout=None, wait_initial=_FIRST_PAUSE, wait_jitter=_JITTER
        ):
            with attempt:
                return await call()
    except StorageFailure as failure:
        _log.error("%s failed in the store: %s", name, failure)
    raise StockageIndisponible
