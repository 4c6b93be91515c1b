"""The connection to NATS: made in the background, kept for ever, never in a call's way.

A service starts, serves and stops whether or not the broker is there.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext

from nats_utils.streams import Stream, StreamDrift, declare

_log = logging.getLogger(__name__)

_PING_INTERVAL, _LOST_PINGS = 5, 2  # seconds; a silent broker is noticed within 15 s
_RECONNECT_WAIT = 0.25  # seconds between attempts
_DRAIN_TIMEOUT = 5.0
BUS_ERRORS = (Error, OSError, TimeoutError)


class Bus:
    """The connection of one process. *url* may list several servers, comma-separated."""

    def __init__(self, url: str, name: str, streams: tuple[Stream, ...]) -> None:
        self._options: Mapping[str, Any] = {
            "servers": [server.strip() for server in url.split(",")],
            "name": name,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": _RECONNECT_WAIT,
            "ping_interval": _PING_INTERVAL,
            "max_outstanding_pings": _LOST_PINGS,
            "connect_timeout": 2,
            "error_cb": self._failed,
            "disconnected_cb": self._disconnected,
            "reconnected_cb": self._reconnected,
        }
        self._streams = streams
        self._client = Client()
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()
        self._starting: asyncio.Task[None] | None = None
        self._watchers: set[Callable[[], None]] = set()
        self.generation = 0  # counts connections; who depends on the broker's memory watches it

    @property
    def client(self) -> Client:
        """The NATS client; usable while `up`."""
        return self._client

    @property
    def js(self) -> JetStreamContext:
        """A fresh JetStream context: one that saw an error may have leaked its permits."""
        return self._client.jetstream(timeout=5)

    @property
    def up(self) -> bool:
        """Whether the broker is connected right now."""
        return self._up.is_set()

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._starting = asyncio.create_task(self._start())

    async def wait_up(self) -> None:
        """Return as soon as the broker is connected."""
        await self._up.wait()

    async def wait_down(self) -> None:
        """Return as soon as the broker is not connected."""
        await self._down.wait()

    @contextlib.contextmanager
    def watched(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Call *watcher* whenever the connection comes or goes."""
        self._watchers.add(watcher)
        try:
            yield
        finally:
            self._watchers.discard(watcher)

    async def close(self) -> None:
        """Deliver what is buffered and leave."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        with contextlib.suppress(*BUS_ERRORS):
            async with asyncio.timeout(_DRAIN_TIMEOUT):
                await self._client.drain()
        with contextlib.suppress(*BUS_ERRORS):
            await self._client.close()

    async def _start(self) -> None:
        while True:
            try:
                await self._client.connect(**self._options)
            except BUS_ERRORS as error:
                _log.warning("broker not reachable, trying again: %s", type(error).__name__)
                await asyncio.sleep(_RECONNECT_WAIT)
            else:
                return await self._ready()

    async def declare_streams(self) -> None:
        """Declare what the broker lacks, so that one that lost its store recovers by itself."""
        try:
            created = await declare(self.js, self._streams)
        except StreamDrift as error:
            _log.error("%s", error)
        except BUS_ERRORS as error:
            _log.warning("streams could not be checked: %s; run `crm migrate`", type(error).__name__)
        else:
            if created:
                _log.warning("the broker lacked streams, declared again: %s", ", ".join(created))

    async def _ready(self) -> None:
        await self.declare_streams()
        self.generation += 1
        self._down.clear()
        self._up.set()
        self._notify()

    async def _reconnected(self) -> None:
        # Not awaited: an exception in this callback would end the client's reconnection for good.
        self._starting = asyncio.create_task(self._ready())

    async def _disconnected(self) -> None:
        self._up.clear()
        self._down.set()
        self._notify()

    def _notify(self) -> None:
        for watcher in list(self._watchers):
            watcher()

    async def _failed(self, error: Exception) -> None:
        _log.warning("broker connection: %s", type(error).__name__)


async def connect_once(url: str, name: str) -> Client:
    """A plain connection for a command that gives up when the broker is away. Raises OSError, Error."""
    return await nats.connect(
        servers=url.split(","),
        name=name,
        allow_reconnect=False,
        max_reconnect_attempts=1,  # counts the first attempts too: 60 of them otherwise, 2 s apart
        reconnect_time_wait=0,
        connect_timeout=2,
        error_cb=_ignore,
    )


async def _ignore(error: Exception) -> None:
    _log.debug("broker connection: %s", type(error).__name__)
