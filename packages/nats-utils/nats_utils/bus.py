"""The connection of a process to NATS, made and remade in the background.

A service starts, serves and stops whether the broker is there or not. Each connection is a
new client: what one had buffered or subscribed to never reaches the next.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterator

from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client
from nats.errors import ConnectionClosedError, Error
from nats.js import JetStreamContext

from nats_utils.ending import end
from nats_utils.streams import Stream, StreamDrift, declare

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT = 2  # seconds, as all of these
_RECONNECT_WAIT = 0.25  # between attempts
_SILENCE = 15.0
_CLOSE_TIMEOUT = 1
_API_TIMEOUT = 5
# Bytes. A window of the relay and a batch of acknowledgements fit in, so that publishing never waits.
_BUFFER = 32 * 1024 * 1024
BUS_ERRORS = (Error, OSError, TimeoutError)


class OrderedClient(Client):
    """A client whose `flush`, and with it `drain`, means what it says: what was sent before has arrived."""

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Wait until the server has all that was sent, *timeout* seconds twice. Raises FlushTimeoutError."""
        # nats-py 2.16 writes the PING in front of what is pending. That is written while the first answer
        # is awaited, so that the second PING comes behind it.
        await super().flush(timeout)
        await super().flush(timeout)


class Bus:
    """The connection of one process, under *name*. *url* may list several servers, comma-separated.

    Each new connection declares the *streams* that the broker lacks. A broker that does not
    answer for *silence* seconds is left, and connected to again.
    """

    def __init__(
        self, url: str, name: str, streams: tuple[Stream, ...], *, silence: float = _SILENCE
    ) -> None:
        self._servers = [server.strip() for server in url.split(",")]
        self._name, self._streams, self._silence = name, streams, silence
        self._client: Client | None = None
        self._up = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._watchers: set[Callable[[], None]] = set()
        self._told = False
        self.generation = 0  # grows with each connection or stream made: the broker may have lost messages

    @property
    def client(self) -> Client:
        """The client of the present connection. Raises ConnectionClosedError (a BUS_ERROR)."""
        if self._client is None:
            raise ConnectionClosedError
        return self._client

    @property
    def js(self) -> JetStreamContext:
        """A new JetStream context; one that has met an error may have leaked its permits."""
        return self.client.jetstream(timeout=_API_TIMEOUT)

    @property
    def up(self) -> bool:
        """Whether the broker is connected right now."""
        return self._up.is_set()

    def start(self) -> None:
        """Begin to connect, and return at once."""
        self._connecting = asyncio.create_task(self._keep_connected())

    async def wait_up(self) -> None:
        """Return as soon as the broker is connected."""
        await self._up.wait()

    @contextlib.contextmanager
    def watched(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Call *watcher* whenever the connection comes or goes, or `generation` grows."""
        self._watchers.add(watcher)
        try:
            yield
        finally:
            self._watchers.discard(watcher)

    async def close(self) -> None:
        """Send what is buffered and disconnect; a silent broker is waited for two seconds."""
        if self._client is not None:
            with contextlib.suppress(*BUS_ERRORS):
                await self._client.flush(_CLOSE_TIMEOUT)
        if self._connecting is not None:
            await end(self._connecting)
        if self._closing:
            _, stuck = await asyncio.wait(self._closing, timeout=_CLOSE_TIMEOUT)
            await end(*stuck)

    async def declare_streams(self) -> None:
        """Declare the streams that the broker lacks. Never raises; drift and failure are logged."""
        try:
            created = await declare(self.js, self._streams)
        except StreamDrift as error:
            _log.error("%s", error)
        except BUS_ERRORS as error:
            _log.warning("streams could not be checked: %s; run `crm migrate`", type(error).__name__)
        else:
            if created:
                _log.warning("the broker lacked streams, declared again: %s", ", ".join(created))
                self._remembers_anew()

    async def _keep_connected(self) -> None:
        while True:
            lost = asyncio.Event()
            client = OrderedClient()
            try:
                await self._connect(client, lost)
                await self._use(client, lost)
            except BUS_ERRORS as error:
                self._tell_once(error)
            except Exception as error:
                _log.error("the broker's client failed unexpectedly", exc_info=error)
            finally:
                self._abandon(client)
            await asyncio.sleep(_RECONNECT_WAIT * random.uniform(0.5, 1.5))

    async def _connect(self, client: Client, lost: asyncio.Event) -> None:
        async def ended() -> None:
            lost.set()

        await client.connect(
            servers=self._servers,
            name=self._name,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=_CONNECT_TIMEOUT,
            pending_size=_BUFFER,
            error_cb=_failed,
            disconnected_cb=ended,
            closed_cb=ended,
        )

    async def _use(self, client: Client, lost: asyncio.Event) -> None:
        """Offer *client* to the process until its connection is lost."""
        watchdog = asyncio.create_task(self._watch(client, lost))
        self._client, self._told = client, False
        try:
            await self._declare_unless(lost)
            self._up.set()
            self._remembers_anew()
            await lost.wait()
            _log.warning("the connection to the broker is lost")
        finally:
            watchdog.cancel()
            self._client = None
            self._up.clear()
            self._notify()

    async def _declare_unless(self, lost: asyncio.Event) -> None:
        """Declare the streams until *lost* is set: nats-py awaits answers on an ended connection, too."""
        declaring, ended = asyncio.create_task(self.declare_streams()), asyncio.create_task(lost.wait())
        try:
            await asyncio.wait((declaring, ended), return_when=asyncio.FIRST_COMPLETED)
            if declaring.done():
                await declaring
        finally:
            await end(declaring, ended)

    async def _watch(self, client: Client, lost: asyncio.Event) -> None:
        """Set *lost* when the broker does not answer, or the client has stopped reading."""
        try:
            while True:
                await asyncio.sleep(self._silence / 3)
                # Not `flush`, which returns at once when the client has stopped reading.
                await client.rtt(self._silence * 2 / 3)  # type: ignore[arg-type]  # any number of seconds
        except BUS_ERRORS:
            lost.set()

    def _abandon(self, client: Client) -> None:
        # In the background: closing waits for the peer to take what is buffered.
        task = asyncio.create_task(_close(client))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _tell_once(self, error: Exception) -> None:
        if not self._told:
            _log.warning("broker not reachable, trying until it is: %s", type(error).__name__)
            self._told = True

    def _remembers_anew(self) -> None:
        self.generation += 1
        self._notify()

    def _notify(self) -> None:
        for watcher in list(self._watchers):
            watcher()


async def _close(client: Client) -> None:
    with contextlib.suppress(*BUS_ERRORS):
        await client.close()


async def connect_once(url: str, name: str) -> Client:
    """A connection for a command: made within seconds, and never again. Raises OSError, nats Error."""
    client = OrderedClient()
    await client.connect(
        servers=url.split(","),
        name=name,
        allow_reconnect=False,
        max_reconnect_attempts=1,  # of the first connection too: by default 60, 2 s apart
        reconnect_time_wait=0,
        connect_timeout=_CONNECT_TIMEOUT,
        error_cb=_failed,
    )
    return client


async def _failed(error: Exception) -> None:
    _log.debug("broker connection: %s", type(error).__name__)
