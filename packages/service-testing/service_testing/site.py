"""A place where processes of one service run one after the other: one is killed, the next goes on."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
import psycopg
from google.protobuf.message import Message
from service_kit import Service
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.environment import Secrets, new_secrets
from service_kit.registry import ports

from service_testing.bearers import bearers
from service_testing.command import is_serving
from service_testing.forked import ForkedCommand, forked
from service_testing.mesh import Mesh
from service_testing.servers import fresh_database, fresh_nats
from service_testing.waiting import eventually

E = TypeVar("E", bound=Message)
S = TypeVar("S")


@dataclass(frozen=True)
class Site:
    """What processes of *service* find when they start; *environment* adds to their settings."""

    service: Service
    url: str
    broker: EmbeddedNats
    secrets: Secrets
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[ForkedCommand]:
        """A process of the service with *more* environment, serving; it may end inside, or is ended after.

        One that a failpoint has killed before it could serve is given as well.
        """
        process = await forked(["serve", self.service.name], {**self._usual(), **more})

        async def begun() -> bool:
            return process.returncode is not None or await is_serving(f"127.0.0.1:{self.port}")

        try:
            await eventually(begun, timeout=60)
            yield process
        finally:
            process.terminate()
            await process.communicate()

    @asynccontextmanager
    async def stub(self, kind: Callable[[grpc.aio.Channel], S], **claims: Any) -> AsyncIterator[S]:
        """A stub of the generated class *kind*, called with a valid token of these *claims*."""
        token = self.secrets.token(**claims)
        options = (("grpc.use_local_subchannel_pool", 1),)
        interceptors = bearers(lambda: token)
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{self.port}", interceptors=interceptors, options=options
        ) as channel:
            yield kind(channel)

    async def published(self, kind: type[E], at_least: int) -> list[E]:
        """The events of class *kind* on the bus, once all that was written is confirmed by it."""
        await eventually(lambda: self.query("SELECT id FROM outbox WHERE stream_sequence IS NULL") == [])
        return await Mesh({}, self.secrets, self.broker).published(kind, at_least)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of *statement*, in the schema of the service."""
        with psycopg.connect(self.url, autocommit=True) as owner:
            owner.execute(f"SET search_path = {self.service.schema.name}".encode())
            cursor = owner.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _usual(self) -> dict[str, str]:
        # What runs on this machine at the usual ports has nothing to do with the test.
        away = {f"{name.upper()}_GRPC_ADDR": "127.0.0.1:1" for name in ports()}
        return {
            **os.environ,
            **away,
            **self.secrets.environment(self.service.name, self.service.settings),
            "CRM_ENV": "test",
            "LOG_LEVEL": "WARNING",  # nobody reads the pipe while it runs
            "DATABASE_URL": self.url,
            "NATS_URL": self.broker.url_of(self.service.name),
            "GRPC_HOST": "127.0.0.1",
            "GRPC_PORT": str(self.port),
            **self.environment,
        }


@contextmanager
def site_of(service: Service, *around: str, **environment: str) -> Iterator[Site]:
    """A site with a database and a broker of its own; the tokens of services *around* it are known."""
    with fresh_nats() as broker:
        secrets = new_secrets((service.name, *around), (service.settings,))
        yield Site(service, fresh_database(service), broker, secrets, environment)
