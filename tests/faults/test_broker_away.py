"""A call never depends on the broker (I7): no outcome changes, and every event arrives later."""

import asyncio
import os
import signal
from typing import Any

import grpc
import pytest
from crm.clients.clients_pb2 import CreateClientPartenaireRequest
from crm.clients.clients_pb2_grpc import ClientPartenaireServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from grpc_health.v1 import health_pb2, health_pb2_grpc
from service_testing import Mesh, eventually, running

from tests.temoin.service import TEMOIN


async def create(mesh: Mesh, count: int, key: str = "") -> list[int]:
    """Record *count* entries of one dossier, eight at a time, under *key* or one each; their sorted ranks."""
    stub = ClientPartenaireServiceStub(mesh.channel("temoin", mesh.secrets.token()))
    turn = asyncio.Semaphore(8)

    async def one() -> int:
        request = CreateClientPartenaireRequest(client_base_id="d", partenaire_id=key or str(uuid7()))
        async with turn:
            return (await stub.Create(request, timeout=5)).version

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


async def announced(mesh: Mesh, count: int) -> list[int]:
    """The ranks in the first *count* events, in the order of the stream."""
    return [int(event.prenom) for event in await mesh.published(ClientCreatedEvent, count, timeout=30)]


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "dead"])
async def test_I7_calls_are_answered_without_a_broker(number: signal.Signals) -> None:
    """All calls are answered and health stays SERVING; the events follow in the order of the entries."""
    async with running(TEMOIN) as mesh:
        assert await create(mesh, 50) == list(range(1, 51))
        pid = mesh.broker.pid
        assert pid is not None
        os.kill(pid, number)
        try:
            assert await create(mesh, 50) == list(range(51, 101))
            health: Any = health_pb2_grpc.HealthStub(mesh.channel("temoin"))
            answer = await health.Check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        finally:
            restart(mesh)
        assert await announced(mesh, 100) == list(range(1, 101))


def restart(mesh: Mesh) -> None:
    """Thaw the broker, or start it again."""
    if mesh.broker.pid is None:
        mesh.broker.start()
    else:
        os.kill(mesh.broker.pid, signal.SIGCONT)


async def test_I7_a_service_starts_and_answers_without_a_broker() -> None:
    """A service that starts before its broker serves at once; its events follow when the broker is there."""
    async with running(TEMOIN) as mesh:
        former = mesh["temoin"]
        await former.stop()
        mesh.broker.stop()
        await mesh.start(former.service, former.settings)
        await eventually(lambda: mesh["temoin"].serving)
        assert await create(mesh, 5) == [1, 2, 3, 4, 5]
        mesh.broker.start()
        assert await announced(mesh, 5) == [1, 2, 3, 4, 5]


async def test_I2_a_failed_call_announces_nothing() -> None:
    """A refused entry has no event; the next one has."""
    async with running(TEMOIN) as mesh:
        assert await create(mesh, 1, "k") == [1]
        with pytest.raises(grpc.aio.AioRpcError, match="ALREADY_EXISTS"):
            await create(mesh, 1, "k")
        assert await create(mesh, 1, "other") == [2]
        events = await mesh.published(ClientCreatedEvent, 2)
        assert [event.nom for event in events] == ["k", "other"]
