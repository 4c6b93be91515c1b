"""The start and the stop of a service, in an order that loses nothing.

Start: database, server, bus (in the background), then the loops. Stop: health says
NOT_SERVING, calls under way end, the loops end their batch, the relay publishes what it
can, connections close.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from db_utils import (
    AGAIN,
    Database,
    DatabaseUnavailable,
    SerializationConflict,
    StatementTimeout,
    Worker,
    clock,
    keyed_models,
    purge_job,
    rekey,
    retried,
)
from grpc_utils import Address, Guards, Idempotency, Peers, Server
from grpc_utils.errors import Unavailable
from grpc_utils.idempotency import RETENTION as IDEMPOTENCY_KEYS
from nats_utils import Bus, Handling, Relay, Replayer, Subscriber, declared, end
from nats_utils.processed_events import RETENTIONS as PROCESSED_EVENTS

from service_kit.app import App
from service_kit.edge import Edge, Running
from service_kit.revocations import HEALTH, Ask, RevocationWatch, asking
from service_kit.service import Service
from service_kit.settings import ProcessSettings, Settings

_log = logging.getLogger(__name__)

_TRANSIENT = (Unavailable,)  # a silent peer is no fault of the event
_INFRASTRUCTURE = (DatabaseUnavailable, SerializationConflict, StatementTimeout, *_TRANSIENT)
_RESTART_PAUSE = 1.0
_LAST_EVENTS = 1.0  # seconds that the relay gets at a stop to publish what was just recorded
_KEYS_EVERY = timedelta(hours=1)
_LAST_CHANGED = timedelta(days=1)  # longer than a former version runs beside this one
_JOB_RETRY = 5.0
_SOON = 20.0  # seconds until a job goes on with what it has left: a service that was killed is back by then
_DOUBLINGS = 10  # beyond the interval of any job that leaves something
_MOVED = 0.05  # seconds between two looks at by how much the clock is moved
_BUSY = 1.0  # seconds until a job looks again whether the replica that runs it has ended


class RunningService:
    """A running *service* with *settings*; *addresses* are those of its peers."""

    def __init__(self, service: Service, settings: Settings, addresses: Mapping[str, str]) -> None:
        self.service, self.settings = service, settings
        self.port = 0
        database = Database(
            settings.database_url.get_secret_value(), service.name, pool_size=settings.db_pool_size
        )
        self.app = App(settings, database, Peers(addresses, settings.signer(service.name)))
        self.bus = Bus(settings.nats_url, f"crm-{service.name}", declared(replicas=settings.nats_replicas))
        idempotency = Idempotency(database)
        own = (service.issuer(self.app),) if service.issuer is not None else ()
        authenticator = settings.authenticator(service.name, own)
        self._greeters = [greeter for make in service.greeters if (greeter := make(self.app)) is not None]
        greetings = tuple(greeter.greet for greeter in self._greeters)
        watch = RevocationWatch(service.name, authenticator.revocations, self.bus, self._ask(addresses))
        self._server = Server(
            service.name,
            [make(self.app) for make in service.servicers],
            Guards(authenticator, settings.tenancy(), idempotency, greetings),
            alive=database.ping,
            reflect=settings.reflection,
            parts={HEALTH: watch.in_step},
            largest_message=service.largest_message,
        )
        self._loops = {"revocations": watch.run, **self._make_loops(idempotency)}
        self._relay = Relay(database, self.bus)
        self._tasks: list[asyncio.Task[None]] = []  # the relay is the last one

    @property
    def serving(self) -> bool:
        """Whether health says SERVING."""
        return self._server.serving

    def _ask(self, addresses: Mapping[str, str]) -> Ask | None:
        """Choose the source of revocations besides the bucket: this service itself, auth, or None."""
        if self.service.revoked is not None:
            return self.service.revoked(self.app)
        return asking(self.app.peers) if "auth" in addresses and self.app.peers.proven else None

    def _make_loops(self, idempotency: Idempotency) -> dict[str, Callable[[], Awaitable[None]]]:
        service, database = self.service, self.app.database
        handlings = [
            Handling(database, subscription.consumer(service.name), subscription, self.app, _TRANSIENT)
            for subscription in service.subscriptions
        ]
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            handling.consumer: Subscriber(self.bus, handling).run for handling in handlings
        }
        if handlings:
            loops["replayer"] = Replayer(database, handlings).run
        jobs = [_Job(self.app, worker) for worker in (*service.workers, *_housekeeping(service))]
        loops |= {job.name: job.run for job in jobs}
        if self.settings.clock_file:
            loops["clock"] = partial(_wake_on_moves, jobs)
        return loops

    async def start(self) -> None:
        """Serve. Raises PortTaken; a missing database or broker is waited for."""
        for lenience in self.settings.leniences:
            _log.warning(lenience)
        await self.app.database.open()
        port = self.settings.grpc_port
        address = Address(self.settings.grpc_host, self.service.port if port is None else port)
        try:
            self.port = await self._server.start(address)
        except BaseException:
            await self.app.database.close()
            raise
        self.bus.start()
        loops = {**self._loops, "relay": self._relay.run}
        self._tasks = [asyncio.create_task(keep_running(name, run), name=name) for name, run in loops.items()]

    async def stop(self) -> None:
        """Stop serving; calls under way get SHUTDOWN_GRACE_S seconds to end."""
        await self._server.stop(self.settings.shutdown_grace_s)
        for greeter in self._greeters:
            await greeter.close()
        *loops, relay = self._tasks
        await end(*loops)
        await self._relay.rest(_LAST_EVENTS)
        await end(relay)
        await self.bus.close()
        await self.app.peers.close()
        await self.app.database.close()


def brought_to_life(
    process: Service | Edge, settings: ProcessSettings, addresses: Mapping[str, str]
) -> Running:
    """Make *process* ready to start, with *settings* of its own class."""
    if isinstance(process, Edge):
        return process.make(settings, addresses)
    assert isinstance(settings, Settings)
    return RunningService(process, settings, addresses)


async def keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop for ever; an unexpected exception is logged as a bug, and the loop starts again."""
    while True:
        try:
            await run()
        except Exception as error:
            _log.error("%s failed unexpectedly, starting it again", name, exc_info=error)
        await asyncio.sleep(_RESTART_PAUSE)


def _housekeeping(service: Service) -> tuple[Worker, ...]:
    async def complete_keys(app: App[Settings]) -> None:
        """Write the search keys of rows from a former version, which may still run and knows of none."""
        for model in keyed_models(service.tables):
            if done := await rekey(app.database, model, clock.now() - _LAST_CHANGED):
                _log.info("%s: %d rows of a former version have their keys", model.__tablename__, done)

    return (
        purge_job(*PROCESSED_EVENTS, IDEMPOTENCY_KEYS, name="housekeeping"),
        Worker("search-keys", complete_keys, every=_KEYS_EVERY),
    )


async def _wake_on_moves(jobs: Sequence["_Job"]) -> None:
    """Wake every job when the clock is moved: what it looks for may have become due."""
    known = clock.moved_by()
    while True:
        await asyncio.sleep(_MOVED)
        if (moved := clock.moved_by()) != known:
            known = moved
            for job in jobs:
                job.wake()


class _Job:
    """The loop around a worker."""

    def __init__(self, app: App[Settings], worker: Worker) -> None:
        self.name, self._app, self._worker = worker.name, app, worker
        self._woken, self._left = asyncio.Event(), 0  # runs in a row that have left something
        self.wake = self._woken.set
        if worker.wake_on is not None:
            app.database.on_written(worker.wake_on, self._woken.set)

    async def run(self) -> None:
        while True:
            woken = self._woken.is_set()
            self._woken.clear()
            try:
                ran = await self._once()
            except _INFRASTRUCTURE as error:
                _log.warning("%s waits: %s", self._worker.name, type(error).__name__)
                if woken:  # another replica may hold the lock next time: then it counts
                    self._woken.set()
                await asyncio.sleep(_JOB_RETRY)
                continue
            if woken and not ran:  # the replica at work may have passed the new rows by
                self._woken.set()
                await asyncio.sleep(_BUSY)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause(self._worker.every, self._left)):
                    await self._woken.wait()

    async def _once(self) -> bool:
        """Run the worker, unless another replica runs it now; return whether it ran here."""
        work = partial(self._worker.run, self._app)
        if not self._worker.exclusive:
            self._note(await retried(work))
            return True
        async with self._app.database.exclusive(self._worker.name) as mine:
            if mine:
                self._note(await retried(work))
            return mine

    def _note(self, answer: object) -> None:
        self._left = self._left + 1 if answer is AGAIN else 0


def pause(every: timedelta, left: int) -> float:
    """The seconds until the next run of a job after *left* runs in a row that have left something (C18)."""
    if not left:
        return every.total_seconds()
    doublings: int = 2 ** min(left - 1, _DOUBLINGS)
    return min(_SOON * doublings, every.total_seconds())
