"""Two services for measuring events: a source that publishes, a sink with one row of effect per event.

Each runs in a process of its own, on servers in a temporary folder; the kernel's own relay and
subscriber are measured.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psutil
import uvloop
from crm.events.business_pb2 import ClientCreatedEvent
from crm_cli.streams import declare_streams
from db_utils import Row, Transaction, metadata
from db_utils.migrations import migrate
from nats_utils import Subscription, publish
from service_kit import RunningService, Service, Settings, load
from service_kit.embedded import EmbeddedNats, EmbeddedPostgres, free_port
from service_kit.environment import Secrets, new_secrets
from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from crm_bench.children import child


class Base(Row):
    """Tables of the benchmark."""

    __abstract__ = True
    metadata = metadata()


class Effect(Base):
    """One effect of one event; nothing but the claim of the event prevents a second one."""

    __tablename__ = "effects"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    event_id: Mapped[UUID]


async def have_effect(event: ClientCreatedEvent, tx: Transaction) -> None:
    """Write the effect of *event*."""
    _uncommitted.append(event.event_id)
    await tx.insert(Effect(event_id=UUID(event.event_id)))


_uncommitted: list[str] = []  # of the sink's process: events whose effects wait for their commit

_PACKAGE = "crm_bench"
SOURCE = Service("bench_source", 0, Base.metadata, (), publishes=(ClientCreatedEvent,), package=_PACKAGE)
SINK = replace(SOURCE, name="bench_sink", subscriptions=(Subscription(ClientCreatedEvent, have_effect),))
NAIVE = replace(SOURCE, name="bench_naive")
CONSUMER = SINK.subscriptions[0].consumer(SINK.name)


@dataclass(frozen=True, slots=True)
class Lab:
    """The servers of the benchmark."""

    database_url: str
    nats_url: str
    secrets: Secrets


@contextmanager
def lab() -> Iterator[Lab]:
    """PostgreSQL and nats-server in a temporary folder, with the schemas of source and sink."""
    services = (SOURCE, SINK, NAIVE)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-bench-")))
        postgres, broker = EmbeddedPostgres(folder), EmbeddedNats(folder, free_port())
        for server in (postgres, broker):
            stack.callback(server.stop)
            server.start()
        migrate(postgres.url(), [service.schema for service in services])
        declare_streams(broker.url)
        yield Lab(
            postgres.url(),
            broker.url,
            new_secrets((one.name for one in services), (one.settings for one in services)),
        )


class Worker:
    """The process of one of the services, directed through a pipe."""

    def __init__(self, service: Service, place: Lab) -> None:
        self._process, self._pipe = child(_work, service.name, place)
        self._pipe.recv()
        self.process = psutil.Process(self._process.pid)

    def publish(self, rate: int, seconds: float) -> None:
        """Commit *rate* events per second for *seconds*, evenly; `times` waits for the end."""
        self._pipe.send(("publish", rate, seconds))

    def times(self) -> dict[str, float]:
        """The moments at which each event, or its effect, was committed (monotonic)."""
        self._pipe.send(("times", 0, 0.0))
        return cast(dict[str, float], self._pipe.recv())

    def stop(self) -> None:
        """End the service in order."""
        self._pipe.send(("stop", 0, 0.0))
        self._process.join(30)
        self._process.kill()


@contextmanager
def worker(service: Service, place: Lab) -> Iterator[Worker]:
    """Run *service* in a process of its own, connected to the servers."""
    running = Worker(service, place)
    try:
        yield running
    finally:
        running.stop()


def _work(pipe: Connection, name: str, place: Lab) -> None:
    """The process of a worker."""
    service = SOURCE if name == SOURCE.name else SINK
    uvloop.run(_serve(service, place, pipe))


async def _serve(service: Service, place: Lab, pipe: Connection) -> None:
    own = {
        key.lower(): value for key, value in place.secrets.environment(service.name, service.settings).items()
    }
    settings = load(
        Settings,
        **{**own, "database_url": place.database_url, "nats_url": place.nats_url},
        crm_env="test",
        grpc_host="127.0.0.1",
        grpc_port=0,
        shutdown_grace_s=1.0,
    )
    running = RunningService(service, settings, {})
    times: dict[str, float] = {}
    running.app.database.on_written(Effect, lambda: _note_committed(times))
    await running.start()
    await running.bus.wait_up()
    pipe.send("up")
    try:
        await _obey(running, times, pipe)
    finally:
        await running.stop()


def _note_committed(times: dict[str, float]) -> None:
    now = time.monotonic()
    for event_id in _uncommitted:
        times.setdefault(event_id, now)
    _uncommitted.clear()


async def _obey(running: RunningService, times: dict[str, float], pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    while True:
        command, rate, seconds = await loop.run_in_executor(None, pipe.recv)
        if command == "publish":
            await _publish(running, times, rate, seconds)
        elif command == "times":
            pipe.send(times)
            times.clear()
        else:
            return


async def _publish(running: RunningService, times: dict[str, float], rate: int, seconds: float) -> None:
    start = time.monotonic()
    under_way = set[asyncio.Task[None]]()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(start + number / rate - time.monotonic())
        task = asyncio.create_task(_publish_one(running, times, number))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


async def _publish_one(running: RunningService, times: dict[str, float], number: int) -> None:
    event = an_event(number)
    async with running.app.database.transaction() as tx:
        publish(tx, event)
    times[event.event_id] = time.monotonic()


def an_event(number: int) -> Any:
    """An event as `clients` publishes them, without its id and time."""
    return ClientCreatedEvent(
        client_id=f"client-{number}",
        organisation_id="bench",
        nom="Banc",
        prenom="Essai",
        email="essai@exemple.fr",
        societe_id="societe-1",
    )


def sorted_lags(published: dict[str, float], effects: dict[str, float]) -> Sequence[float]:
    """Seconds from the commit of each event to the commit of its effect, the shortest first."""
    return sorted(effects[event_id] - published[event_id] for event_id in published.keys() & effects.keys())
