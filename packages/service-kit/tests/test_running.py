"""A service brought to life and to rest: in which order, and what that order is for."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import grpc
import psycopg
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_utils.server import PortTaken
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from service_clients.service import SERVICE
from service_kit import App, RunningService, Service, Worker
from service_kit.embedded import free_port
from service_kit.environment import new_secrets
from service_kit.settings import load
from service_testing import Mesh, code_of, eventually, fresh_database, running

WithWorkers = Callable[..., Service]
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'crm-%%'"


@pytest.fixture
def url() -> str:
    """A database of the test's own."""
    return fresh_database(SERVICE)


@pytest.fixture
async def mesh(url: str) -> AsyncIterator[Mesh]:
    """The clients service, with time for calls under way."""
    async with running(SERVICE, database_url=url, shutdown_grace_s=20.0) as mesh:
        yield mesh


def sessions(url: str) -> int:
    """How many sessions services have in the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(_SESSIONS, (connection.info.dbname,)).fetchone()
    assert row is not None
    return int(row[0])


async def waiting_update(mesh: Mesh, url: str, owner: psycopg.Connection) -> asyncio.Task[pb.ClientBase]:
    """An Update under way, which waits for a lock that *owner* holds until it ends its transaction."""
    stub = mesh.stub(ClientBaseServiceStub)
    client = await stub.Create(pb.CreateClientBaseRequest(nom="Durand"))
    owner.execute("SELECT 1 FROM clients.client_bases WHERE id = %s FOR UPDATE", (client.id,))
    call = stub.Update(pb.UpdateClientBaseRequest(id=client.id, prenom="Éloïse"))
    update = asyncio.create_task(_answer(call))
    with psycopg.connect(url, autocommit=True) as observer:
        await eventually(lambda: observer.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
    return update


async def _answer(call: Any) -> pb.ClientBase:
    answer: pb.ClientBase = await call
    return answer


async def test_a_stopping_service_answers_the_calls_under_way(mesh: Mesh, url: str) -> None:
    """Health says NOT_SERVING first, then no new call is taken, and the call under way ends well."""
    health: Any = health_pb2_grpc.HealthStub(mesh.channel("clients"))
    states = health.Watch(health_pb2.HealthCheckRequest())
    assert (await states.read()).status == health_pb2.HealthCheckResponse.SERVING
    with psycopg.connect(url) as owner:
        update = await waiting_update(mesh, url, owner)
        stop = asyncio.create_task(mesh["clients"].stop())
        assert (await states.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not mesh["clients"].serving
        newcomer = mesh.stub(ClientBaseServiceStub)
        while await code_of(newcomer.List(pb.ListClientBasesRequest())) != grpc.StatusCode.UNAVAILABLE:
            assert not update.done()
        assert not update.done()
    assert (await update).prenom == "Éloïse"
    await stop


async def test_a_stopped_service_leaves_nothing_behind(url: str) -> None:
    """No session in the database, no task, a free port."""
    of_others = asyncio.all_tasks()
    async with running(SERVICE, database_url=url) as mesh:
        service = mesh["clients"]
        assert sessions(url) > 0
        loops = {"relay", "housekeeping"}
        assert {task.get_name() for task in asyncio.all_tasks() - of_others} >= loops
        await service.stop()
        assert await eventually(lambda: sessions(url) == 0)
        assert {task.get_name() for task in asyncio.all_tasks() - of_others}.isdisjoint(loops)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", service.port))


async def test_the_grace_ends_calls_that_take_too_long(url: str) -> None:
    """The caller hears it; the stop does not wait for ever."""
    async with running(SERVICE, database_url=url, shutdown_grace_s=0.2) as mesh:
        with psycopg.connect(url) as owner:
            update = await waiting_update(mesh, url, owner)
            await mesh["clients"].stop()
            with pytest.raises(grpc.aio.AioRpcError):
                await update
    assert await eventually(lambda: sessions(url) == 0)


async def test_a_service_on_a_taken_port_says_so_and_leaves_nothing_behind(url: str) -> None:
    """Two services on one port must not both start."""
    secrets = new_secrets(["clients"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port()))
        other.listen()
        port = other.getsockname()[1]
        settings = load(
            SERVICE.settings,
            database_url=url,
            nats_url="nats://127.0.0.1:1",
            grpc_host="127.0.0.1",
            grpc_port=port,
            jwt_secret=secrets.jwt_secret,
        )
        service = RunningService(SERVICE, settings, {"clients": f"127.0.0.1:{port}"})
        with pytest.raises(PortTaken) as told:
            await service.start()
    assert str(told.value) == (
        f"port {port} on 127.0.0.1 is taken: stop what listens there, or set GRPC_PORT"
    )
    assert await eventually(lambda: sessions(url) == 0)


async def test_C17_a_service_serves_as_long_as_its_database_answers(mesh: Mesh, url: str) -> None:
    """NOT_SERVING while it does not; the broker does not matter."""
    mesh.broker.stop()
    assert mesh["clients"].serving
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            " AND application_name LIKE 'crm-%%'",
            (name,),
        )
        await eventually(lambda: not mesh["clients"].serving)
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await eventually(lambda: mesh["clients"].serving)


async def test_a_loop_that_fails_unexpectedly_starts_again(
    with_workers: WithWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    """As often as it fails; the others go on."""
    failures: list[int] = []

    async def job(app: App[Any]) -> None:
        failures.append(len(failures))
        raise ZeroDivisionError

    async with running(with_workers(Worker("job", job, every=timedelta(days=1)))) as mesh:
        await eventually(lambda: len(failures) == 3)
        assert (await mesh.stub(ClientBaseServiceStub).List(pb.ListClientBasesRequest())).clients == []
    assert caplog.text.count("job failed unexpectedly, starting it again") == 3


async def test_rollout_without_authentication_is_warned_about(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """AUTH_ENABLED=false lets everybody in."""
    async with running(SERVICE, database_url=url, auth_enabled=False) as mesh:
        stub = ClientBaseServiceStub(mesh.channel("clients"))
        assert (await stub.List(pb.ListClientBasesRequest())).clients == []
    assert "AUTH_ENABLED=false: every call is let in as user 'anonyme'" in caplog.text
