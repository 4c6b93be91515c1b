"""The start and the stop of a service, in an order that loses nothing.

Start: database, server, bus (in the background), then the loops. Stop: health says
NOT_SERVING, calls under way end, the loops end their batch, the relay publishes what it
can, connections close.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from db_utils import (
    Database,
    Worker,
    clock,
    keyed_models,
    purge_job,
    rekey,
)
from grpc_utils import Address, Guards, Idempotency, Peers, Server
from grpc_utils.errors import Unavailable
from grpc_utils.idempotency import RETENTION as IDEMPOTENCY_KEYS
from nats_utils import Bus, Handling, Relay, Replayer, Subscriber, declared, end
from nats_utils.processed_events import RETENTIONS as PROCESSED_EVENTS
from trace_utils import tracer_of

from service_kit.app import App
from service_kit.edge import Edge, Running
from service_kit.jobs import Job
from service_kit.queues import QueueWatch
from service_kit.revocations import HEALTH, Ask, RevocationWatch, asking
from service_kit.service import Service
from service_kit.settings import ProcessSettings, Settings

_log = logging.getLogger(__name__)

_TRANSIENT = (Unavailable,)  # a silent peer is no fault of the event
_RESTART_PAUSE = 1.0
_LAST_EVENTS = 1.0  # seconds that the relay gets at a stop to publish what was just recorded
_KEYS_EVERY = timedelta(hours=1)
_LAST_CHANGED = timedelta(days=1)  # longer than a former version runs beside this one
_MOVED = 0.05  # seconds between two looks at by how much the clock is moved


class RunningService:
    """A running *service* with *settings*; *addresses* are those of its peers."""

    def __init__(self, service: Service, settings: Settings, addresses: Mapping[str, str]) -> None:
        self.service, self.settings = service, settings
        self.port = 0
        database = Database(
            settings.database_url.get_secret_value(), service.name, pool_size=settings.db_pool_size
        )
        peers = Peers(addresses, settings.signer(service.name), tracer=tracer_of(service.name))
        self.app = App(settings, database, peers)
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
        jobs = [Job(self.app, worker) for worker in (*service.workers, *_housekeeping(service))]
        loops |= {job.name: job.run for job in jobs}
        if self.settings.metrics_port:
            loops["queues"] = QueueWatch(service, database, self.bus).run
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


async def _wake_on_moves(jobs: Sequence[Job]) -> None:
    """Wake every job when the clock is moved: what it looks for may have become due."""
    known = clock.moved_by()
    while True:
        await asyncio.sleep(_MOVED)
        if (moved := clock.moved_by()) != known:
            known = moved
            for job in jobs:
                job.wake()
