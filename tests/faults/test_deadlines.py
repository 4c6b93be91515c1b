"""Callers with short deadlines: when they leave early, no connection, lock, task or entry is lost."""

import asyncio
import random
from collections import Counter

import grpc
import psycopg
import pytest
from crm.clients.clients_pb2 import CreateClientPartenaireRequest
from crm.clients.clients_pb2_grpc import ClientPartenaireServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from service_testing import Mesh, eventually, running
from sqlalchemy import select

from tests.temoin.models import Ecriture
from tests.temoin.service import TEMOIN

_LEFT_BEHIND = """
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()),
       (SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE datname = current_database() AND locktype <> 'advisory' AND pid <> pg_backend_pid())"""


async def hurried(mesh: Mesh, count: int) -> tuple[set[str], Counter[str]]:
    """Call *count* times and leave after 1 to 50 ms, by deadline or cancelling; the OK keys and all ends."""
    stub = ClientPartenaireServiceStub(mesh.channel("temoin", mesh.secrets.token()))
    chance, turn = random.Random(7), asyncio.Semaphore(50)
    acknowledged: set[str] = set()
    ends: Counter[str] = Counter()

    async def one(number: int, patience: float, cancels: bool) -> None:
        request = CreateClientPartenaireRequest(client_base_id=f"d{number % 3}", partenaire_id=f"k{number}")
        async with turn:
            call = stub.Create(request, timeout=5 if cancels else patience)
            if cancels:
                asyncio.get_running_loop().call_later(patience, call.cancel)
            try:
                await call
            except grpc.aio.AioRpcError as error:
                ends[error.code().name] += 1
            except asyncio.CancelledError:
                ends["cancelled"] += 1
            else:
                ends["OK"] += 1
                acknowledged.add(request.partenaire_id)

    await asyncio.gather(
        *(one(number, chance.uniform(0.001, 0.05), chance.random() < 0.3) for number in range(count))
    )
    return acknowledged, ends


@pytest.mark.parametrize(
    "count", [400, pytest.param(5000, marks=[pytest.mark.faults, pytest.mark.timeout(300)])]
)
async def test_I1_hurried_callers_leave_nothing_behind(count: int) -> None:
    """I1 and I2 hold; afterwards no session, lock or task is left, and every connection is free."""
    async with running(TEMOIN) as mesh:
        await hurried(mesh, 20)
        tasks = len(asyncio.all_tasks())
        acknowledged, ends = await hurried(mesh, count)
        committed = set(await mesh.database("temoin").read().all(select(Ecriture.cle)))
        events = await mesh.published(ClientCreatedEvent, len(committed), timeout=60)
        assert acknowledged <= committed <= {f"k{number}" for number in range(count)}
        assert sorted(event.nom for event in events) == sorted(committed)
        await eventually(lambda: left_behind(mesh) == (0, 0))
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
        await all_connections(mesh)
    assert len(ends) > 1, "nobody was in a hurry"


def left_behind(mesh: Mesh) -> tuple[int, int]:
    """The numbers of sessions that are not idle and of locks that are not advisory."""
    with psycopg.connect(mesh.database("temoin").url, autocommit=True) as connection:
        row = connection.execute(_LEFT_BEHIND).fetchone()
    assert row is not None
    return row[0], row[1]


async def all_connections(mesh: Mesh) -> None:
    """Hold every connection of the pool at once; fails after 30 s if one was lost."""
    database = mesh.database("temoin")
    size = mesh["temoin"].settings.db_pool_size
    everybody = asyncio.Barrier(size)

    async def hold() -> None:
        async with database.transaction() as tx:
            await tx.one(select(Ecriture.cle))
            await everybody.wait()

    await asyncio.wait_for(asyncio.gather(*(hold() for _ in range(size))), 30)
