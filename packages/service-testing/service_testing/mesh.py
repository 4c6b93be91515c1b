"""A small mesh inside the test's own process."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeGuard, TypeVar

import grpc
import nats
from db_utils import Database, uuid7
from google.protobuf.message import Message
from grpc_utils import ServiceSigner
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from nats_utils import event_type
from nats_utils.tables import DeadLetter
from service_kit import (
    Edge,
    ProcessSettings,
    Running,
    RunningService,
    Service,
    brought_to_life,
    kept_folders,
    load,
)
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.environment import Secrets, new_secrets
from sqlalchemy import select

from service_testing.bearers import bearers
from service_testing.double_servers import serving_double
from service_testing.events import stored
from service_testing.servers import fresh_database, fresh_folder, fresh_nats
from service_testing.waiting import eventually

S = TypeVar("S")
E = TypeVar("E", bound=Message)

NO_DOUBLES: Final[Mapping[str, Sequence[object]]] = MappingProxyType({})


class Mesh:
    """Running services with what a test needs to talk to them."""

    def __init__(self, addresses: Mapping[str, str], secrets: Secrets, broker: EmbeddedNats) -> None:
        self._addresses = addresses
        self._services: dict[str, RunningService] = {}
        self._edges: dict[str, Running] = {}
        self._made: dict[str, tuple[Service | Edge, ProcessSettings]] = {}
        self._channels: list[grpc.aio.Channel] = []
        self.secrets, self.broker = secrets, broker

    def __getitem__(self, name: str) -> RunningService:
        return self._services[name]

    def database(self, name: str) -> Database:
        """The database of service *name*."""
        return self._services[name].app.database

    def address(self, name: str) -> str:
        """host:port of service or edge *name*."""
        return self._addresses[name]

    def channel(self, name: str, token: str = "") -> grpc.aio.Channel:
        """A channel to service *name* whose calls carry *token*, or nothing when it is empty."""
        channel = grpc.aio.insecure_channel(
            self.address(name),
            interceptors=bearers(lambda: token) if token else [],
            options=(("grpc.use_local_subchannel_pool", 1),),
        )
        self._channels.append(channel)
        return channel

    def stub(self, kind: Callable[[grpc.aio.Channel], S], **claims: Any) -> S:
        """A stub of the generated class *kind*, called with a valid token.

        *claims* are those of `Secrets.token`: user, organisation, lifetime, others.
        """
        name = service_of(kind)
        return kind(self.channel(name, self.secrets.token(**claims)))

    def service_stub(
        self, kind: Callable[[grpc.aio.Channel], S], *, caller: str, organisation: str = ""
    ) -> S:
        """A stub whose calls are proven calls of service *caller*, for *organisation*."""
        return kind(self.service_channel(service_of(kind), caller=caller, organisation=organisation))

    def service_channel(self, name: str, *, caller: str, organisation: str = "") -> grpc.aio.Channel:
        """A channel to service *name* for proven calls of service *caller*, for *organisation*."""
        signer = ServiceSigner(caller, self.secrets.keys[caller].private)
        interceptors = bearers(lambda: signer.token(name, None), organisation)
        channel = grpc.aio.insecure_channel(self.address(name), interceptors=interceptors)
        self._channels.append(channel)
        return channel

    async def published(
        self,
        kind: type[E],
        at_least: int = 0,
        *,
        where: Callable[[E], bool] = lambda event: True,
        timeout: float = 10.0,
    ) -> list[E]:
        """The events of class *kind* on the bus for which *where* holds, once there are *at_least* so many.

        They are in the order of the bus.
        """
        client = await nats.connect(self.broker.url)
        try:
            events: list[E] = []

            async def enough() -> bool:
                events[:] = filter(where, map(kind.FromString, await stored(client, event_type(kind))))
                return len(events) >= at_least

            await eventually(enough, timeout=timeout)
            return events
        finally:
            await client.close()

    async def deliver(self, event: Message, *, times: int = 1, timeout: float = 10.0) -> None:
        """Put *event* on the bus *times* times, as any publisher may, and see it through.

        Each message has an id of its own, so that the broker takes none for a duplicate. Returns
        when every subscription of the mesh has acknowledged all of them.
        """
        kind = event_type(type(event))
        client = await nats.connect(self.broker.url)
        try:
            js = client.jetstream()
            for _ in range(times):
                headers = {"Nats-Msg-Id": str(uuid7())}
                last = await js.publish(kind.subject, event.SerializeToString(), headers=headers)
            for durable in self._consumers(type(event)):
                await eventually(partial(_has_reached, js, kind.stream, durable, last.seq), timeout=timeout)
        finally:
            await client.close()

    async def dead_letters(self, name: str, event: Message) -> list[tuple[str, int]]:
        """The error and the attempts of each dead letter that service *name* has of *event*."""
        of_event = select(DeadLetter).where(DeadLetter.message_key == event.event_id)  # type: ignore[attr-defined]  # events have one
        return [(letter.error, letter.attempts) for letter in await self.database(name).read().all(of_event)]

    @asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """Service *name* is stopped inside; it runs again at its old address afterwards."""
        await self._services.pop(name).stop()
        try:
            yield
        finally:
            await self.start(*self._made[name])
            await self.ready()

    async def start(self, process: Service | Edge, settings: ProcessSettings) -> None:
        """Add *process* to the mesh; see `ready`."""
        starting = brought_to_life(process, settings, self._addresses)
        await starting.start()
        self._made[process.name] = process, settings
        if isinstance(starting, RunningService):
            self._services[process.name] = starting
        else:
            self._edges[process.name] = starting

    async def ready(self) -> None:
        """Return when everything serves and is connected to the broker."""
        for process in (*self._services.values(), *self._edges.values()):
            await eventually(partial(_is_up, process))

    async def close(self) -> None:
        """Close the channels that were handed out and stop the services."""
        for channel in self._channels:
            await channel.close()
        for process in (*self._edges.values(), *self._services.values()):
            await process.stop()

    def _consumers(self, kind: type[Message]) -> list[str]:
        return [
            subscription.consumer(name)
            for name, running in self._services.items()
            for subscription in running.service.subscriptions
            if subscription.event is kind
        ]


def service_of(kind: Callable[[grpc.aio.Channel], object]) -> str:
    """The name of the service that stubs of the generated class *kind* call."""
    return kind.__module__.split(".")[1]


@asynccontextmanager
async def running(
    *processes: Service | Edge,
    database_url: str = "",
    broker: EmbeddedNats | None = None,
    doubles: Mapping[str, Sequence[object]] = NO_DOUBLES,
    **settings: object,
) -> AsyncIterator[Mesh]:
    """*processes* serving on free ports, with a database and a broker of their own.

    They need not be installed ones. With an edge that publishes them, all know the keys of our
    own tokens. *doubles* are servicers that stand in for services, by name. *settings* override
    those of every process, by field name, as in `default_organisation_id`.
    """
    secrets = new_secrets((one.name for one in processes), (one.settings for one in processes))
    async with AsyncExitStack() as stack:
        own_broker = broker or stack.enter_context(fresh_nats())
        url = database_url or fresh_database(*(one for one in processes if isinstance(one, Service)))
        names = (*(process.name for process in processes), *doubles)
        addresses = {name: f"127.0.0.1:{free_port()}" for name in names}
        keys = [f"http://{addresses[one.name]}{one.keys_path}" for one in processes if _has_keys(one)]
        given = {"jwks_url": "".join(keys), **settings}
        mesh = Mesh(addresses, secrets, own_broker)
        for name, servicers in doubles.items():
            double = serving_double(name, servicers, secrets, addresses[name])
            await stack.enter_async_context(double)
        stack.push_async_callback(mesh.close)
        for process in processes:
            own = _overrides(process, secrets, url, own_broker, addresses, given)
            await mesh.start(process, load(process.settings, **own))
        await mesh.ready()
        yield mesh


def _is_up(process: Running) -> bool:
    return process.serving and process.bus.up


def _has_keys(process: Service | Edge) -> TypeGuard[Edge]:
    return isinstance(process, Edge) and bool(process.keys_path)


async def _has_reached(js: JetStreamContext, stream: str, durable: str, sequence: int) -> bool:
    """Whether consumer *durable* has acknowledged everything up to *sequence*."""
    try:
        info = await js.consumer_info(stream, durable)
    except NotFoundError:
        return False  # its service is about to create it
    return info.ack_floor is not None and info.ack_floor.stream_seq >= sequence


def _overrides(
    process: Service | Edge,
    secrets: Secrets,
    url: str,
    broker: EmbeddedNats,
    addresses: dict[str, str],
    settings: dict[str, object],
) -> dict[str, object]:
    environment = secrets.environment(process.name, process.settings)
    own: dict[str, object] = {key.lower(): value for key, value in environment.items()}
    host, _, port = addresses[process.name].partition(":")
    prefix = process.prefix.lower()
    return {
        **own,
        **{setting: fresh_folder() for setting in kept_folders(process.settings)},
        "crm_env": "test",
        "database_url": url,
        "nats_url": broker.url_of(process.name),
        f"{prefix}_host": host,
        f"{prefix}_port": int(port),
        "shutdown_grace_s": 1.0,
        **settings,
    }
