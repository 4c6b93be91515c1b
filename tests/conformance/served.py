"""Every service in a process of its own, as `crm serve` runs it, with callers that do not stop at its end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import psycopg
from grpc import StatusCode
from service_kit import Service
from service_kit.embedded import free_port
from service_kit.environment import new_secrets
from service_kit.kept import kept_folders
from service_kit.registry import services
from service_testing import Mesh, eventually, fresh_database, fresh_nats
from service_testing.command import Command, is_serving
from service_testing.forked import ForkedCommand
from service_testing.servers import fresh_folder

from tests.conformance.resources import METHODS, RESOURCES, Method, Resource
from tests.conformance.samples import Caller

_PATIENCE = 60.0  # seconds for what takes one on an idle machine
_PAUSE = 0.02  # seconds after a refusal: a channel without a server refuses at once


@dataclass(frozen=True, slots=True)
class Served:
    """The processes of one mesh by service, and the database *url* that all of them share."""

    mesh: Mesh
    url: str
    processes: dict[str, ForkedCommand]

    def stored(self, service: Service) -> set[str]:
        """The ids of all rows of *service*."""
        found: set[str] = set()
        with psycopg.connect(self.url) as connection:
            for table in service.tables.sorted_tables:
                if "id" in table.columns:
                    rows = connection.execute(f"SELECT id::text FROM {service.name}.{table.name}".encode())
                    found |= {identity for (identity,) in rows}
        return found


@asynccontextmanager
async def served(crm: Command, logs: Path) -> AsyncIterator[Served]:
    """Every service, serving; what is still there at the end is killed."""
    known = services().values()
    secrets = new_secrets(services(), (one.settings for one in known))
    addresses = {name: f"127.0.0.1:{free_port()}" for name in services()}
    around = {f"{name.upper()}_GRPC_ADDR": address for name, address in addresses.items()}
    async with AsyncExitStack() as stack:
        broker, url = stack.enter_context(fresh_nats()), fresh_database()
        mesh = Mesh(addresses, secrets, broker)
        stack.push_async_callback(mesh.close)
        processes = {}
        for one in known:
            log = stack.enter_context((logs / f"{one.name}.log").open("wb"))
            command = crm.where(
                **around,
                **secrets.environment(one.name, one.settings),
                **{setting.upper(): str(fresh_folder()) for setting in kept_folders(one.settings)},
                DATABASE_URL=url,
                NATS_URL=broker.url,
                GRPC_HOST="127.0.0.1",
                GRPC_PORT=addresses[one.name].rpartition(":")[2],
                BCRYPT_COST="4",
                LOG_LEVEL="WARNING",
            )
            process = await command.start("serve", one.name, stdout=log.fileno())
            stack.push_async_callback(_ended, process)
            processes[one.name] = process
        for address in addresses.values():
            await eventually(partial(is_serving, address), timeout=_PATIENCE)
        yield Served(mesh, url, processes)


async def _ended(process: ForkedCommand) -> None:
    process.kill()
    await process.communicate()


@dataclass(slots=True)
class Load:
    """Calls of one service until it is gone: how they ended, and the ids of what it said to have written.

    *read* wants no field; *written* is made of *fields*, None where the contract does not tell how.
    """

    caller: Caller
    read: Method
    written: Resource | None
    fields: Mapping[str, object]
    codes: Counter[StatusCode] = field(default_factory=Counter)
    reads: int = 0
    acknowledged: set[str] = field(default_factory=set)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def under_way(self) -> bool:
        """Whether reads and writes have been answered for a while, by a refusal where a value is unique."""
        written = len(self.acknowledged) + self.codes[StatusCode.ALREADY_EXISTS]
        return self.reads > 20 and (self.written is None or written > 3)

    async def keep_calling(self) -> None:
        """Read and write side by side until the process is gone."""
        writers = [] if self.written is None else [self._keep_writing(self.written) for _ in range(2)]
        await asyncio.gather(*(self._keep_reading() for _ in range(3)), *writers)

    async def _keep_reading(self) -> None:
        while not self.gone.is_set():
            if await self._answer(self.caller.call(self.read)) is not None:
                self.reads += 1

    async def _keep_writing(self, resource: Resource) -> None:
        while not self.gone.is_set():
            made = await self._answer(self.caller.another(resource, self.fields))
            if made is not None:
                self.acknowledged.add(made.id)

    async def _answer(self, call: Awaitable[Any]) -> Any:
        """The answer to *call*, None when it is refused; one that hangs counts as DEADLINE_EXCEEDED."""
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await call
        except grpc.aio.AioRpcError as error:
            return await self._refused(error.code())
        except TimeoutError:
            return await self._refused(StatusCode.DEADLINE_EXCEEDED)
        self.codes[StatusCode.OK] += 1
        return answer

    async def _refused(self, code: StatusCode) -> None:
        self.codes[code] += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), _PAUSE)


async def load_of(caller: Caller, service: str) -> Load:
    """What *service* can be asked for and told by somebody who knows its contract alone."""
    read = await _first_answered(caller, service)
    for resource in RESOURCES:
        if resource.service == service and resource.create is not None:
            with suppress(AssertionError, grpc.aio.AioRpcError):  # it needs more than the contract tells
                _, fields = await caller.made(resource)
                return Load(caller, read, resource, fields)
    return Load(caller, read, None, {})


async def _first_answered(caller: Caller, service: str) -> Method:
    for method in METHODS:
        streams = method.descriptor.client_streaming or method.descriptor.server_streaming
        if method.service == service and method.reads and not streams:
            with suppress(grpc.aio.AioRpcError):  # it wants a field
                await caller.call(method)
                return method
    raise AssertionError(f"no read of {service} is answered without a field")
