"""The fixtures that tests of any folder may ask for, and functions that make those of one folder.

A conftest says which services run and what the tests call, for instance:

    mesh = mesh_of(SERVICE)
    clients = of_member(ClientBaseServiceStub)
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from service_kit import Edge, Service
from trace_utils import start_tracing, stop_tracing

from service_testing.collector import Collector, collecting
from service_testing.command import Command
from service_testing.mesh import Mesh, running, service_of

S = TypeVar("S")
Kind = Callable[[grpc.aio.Channel], S]
Member = Callable[[Kind[Any]], Any]

_numbers = count(1)


@pytest.fixture
def crm(tmp_path: Path) -> Command:
    """The `crm` command with a folder of its own, its name as awkward as a person's may be."""
    return Command.at(tmp_path / "home of the mesh")


@pytest.fixture
async def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """The collector to which this process sends its spans, from what is made after this on."""
    async with collecting(tmp_path / "traces.jsonl") as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")  # milliseconds
        start_tracing("tests")
        yield collector
        await stop_tracing()


@pytest.fixture
def org() -> str:
    """The id of an organisation that no other test uses."""
    return f"org-{next(_numbers)}"


@pytest.fixture
async def member(mesh: Mesh, org: str) -> AsyncIterator[Member]:
    """Maker of stubs of the services of `mesh`, called by a member of `org`."""
    async with _Calls(mesh, org) as calls:
        yield calls.stub


@pytest.fixture
async def stranger(mesh: Mesh) -> AsyncIterator[Member]:
    """The same for a member of another organisation that no other test uses."""
    async with _Calls(mesh, f"org-autre-{next(_numbers)}") as calls:
        yield calls.stub


def mesh_of(*processes: Service | Edge, **settings: Any) -> object:
    """A fixture: *processes* run with *settings* for all tests of the folder, as in `running`."""

    @pytest.fixture(scope="package")
    async def mesh() -> AsyncIterator[Mesh]:
        async with running(*processes, **settings) as mesh:
            yield mesh

    return mesh


def entered(make: Callable[[], AbstractAsyncContextManager[Any]]) -> object:
    """A fixture: what *make* gives, for all tests of the folder; for doubles of outside parties."""

    @pytest.fixture(scope="package")
    async def double() -> AsyncIterator[Any]:
        async with make() as double:
            yield double

    return double


def of_member(kind: Kind[Any]) -> object:
    """A fixture: a stub of *kind*, called by a member of `org`."""

    @pytest.fixture
    def stub(member: Member) -> Any:
        return member(kind)

    return stub


def of_stranger(kind: Kind[Any]) -> object:
    """A fixture: a stub of *kind*, called by a member of another organisation than `org`."""

    @pytest.fixture
    def stub(stranger: Member) -> Any:
        return stranger(kind)

    return stub


def of_service(kind: Kind[Any], *, caller: str) -> object:
    """A fixture: a stub of *kind* for all tests of the folder, called by the service *caller*."""

    @pytest.fixture(scope="package")
    def stub(mesh: Mesh) -> Any:
        return mesh.service_stub(kind, caller=caller)

    return stub


class _Calls:
    """Channels of one caller, each made when its service is called first and closed at the end."""

    def __init__(self, mesh: Mesh, organisation: str) -> None:
        self._mesh, self._organisation = mesh, organisation
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> "_Calls":
        return self

    async def __aexit__(self, *error: object) -> None:
        for channel in self._channels.values():
            await channel.close()

    def stub(self, kind: Kind[S]) -> S:
        name = service_of(kind)
        if name not in self._channels:
            token = self._mesh.secrets.token(organisation=self._organisation)
            self._channels[name] = self._mesh.channel(name, token)
        return kind(self._channels[name])
