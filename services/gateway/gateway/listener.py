"""The HTTP/1.1 server: uvicorn without its signals, with bounds on each connection."""

import asyncio
import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_IDLE: Final = 75  # seconds; longer than the 60 that proxies usually keep connections for
_LARGEST_HEAD: Final = 32 * 1024  # bytes read of a head without an end; the guard refuses at half of it
_MOST_CONNECTIONS: Final = 2000


class HttpServer:
    """Server of *app*; requests under way at the stop get *grace* seconds.

    A connection is closed when a request has not sent all its headers within *patience* seconds,
    and when a new connection sends nothing for as long.
    """

    def __init__(self, app: ASGIApp, patience: float, grace: float) -> None:
        config = uvicorn.Config(
            app,
            http=type("Connection", (_Connection,), {"patience": patience}),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # `addresses.py` decides which proxies to believe (G5)
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=math.ceil(grace),
            h11_max_incomplete_event_size=_LARGEST_HEAD,
        )
        config.load()
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def serving(self) -> bool:
        """Tell whether it answers requests."""
        return self._server.started and not self._server.should_exit

    async def start(self, listening: socket.socket) -> None:
        """Serve on *listening*."""
        self._task = asyncio.create_task(self._server.serve([listening]), name="http")
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Take no new requests, give those under way their time."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and wake `HttpServer.start`."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, which may run other things too."""
        yield


class _Connection(H11Protocol):
    """A connection that is closed when a request does not get to the end of its headers in time."""

    patience: ClassVar[float]
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.patience, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        self.transport.close()
