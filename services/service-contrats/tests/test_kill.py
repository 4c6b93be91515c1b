"""A process that is killed between a commit and the publication of its event (R10)."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from service_contrats.service import SERVICE
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.environment import Secrets, new_secrets
from service_testing import Mesh, eventually, fresh_database, fresh_nats
from service_testing.command import is_serving
from tests.en_statut import SHORT

CRM = "from crm_cli.main import main; main()"
CONFIRMED = "SELECT count(*) FROM contrats.outbox WHERE stream_sequence IS NULL"
Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@asynccontextmanager
async def running(
    url: str, broker: EmbeddedNats, secrets: Secrets, port: int, log: Path, failpoint: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the service, which ends inside or is ended at the end."""
    environment = {
        **os.environ,
        **secrets.environment(SERVICE.name),
        "CRM_ENV": "test",
        "DATABASE_URL": url,
        "NATS_URL": broker.url_of(SERVICE.name),
        "GRPC_HOST": "127.0.0.1",
        "GRPC_PORT": str(port),
    }
    if failpoint:
        environment["FAILPOINT"] = failpoint
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CRM, "serve", SERVICE.name, env=environment, stdout=output, stderr=output
        )
    try:
        await eventually(lambda: is_serving(f"127.0.0.1:{port}"), timeout=60, every=0.1)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def create(secrets: Secrets, port: int) -> None:
    """Send the short form; the process may be killed before it answers."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        create: Any = ContratServiceStub(channel).Create
        bearer = ("authorization", f"Bearer {secrets.token()}")
        try:
            await create(pb.CreateContratRequest(**SHORT), metadata=(bearer,), timeout=30)
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("failpoint", ["relay.before_publish", "relay.after_publish"])
async def test_R10_a_kill_neither_loses_nor_repeats_the_event(tmp_path: Path, failpoint: str) -> None:
    """It goes out after the restart, once, under the id that the contract holds."""
    secrets, port, log = new_secrets((SERVICE.name,)), free_port(), tmp_path / "log"
    url = fresh_database(SERVICE)
    with fresh_nats() as broker:
        async with running(url, broker, secrets, port, log, failpoint) as killed:
            await create(secrets, port)
            async with asyncio.timeout(30):
                assert await killed.wait() == -signal.SIGKILL
        async with running(url, broker, secrets, port, log):
            with psycopg.connect(url, autocommit=True) as connection:
                stored = connection.execute("SELECT signature_event_id FROM contrats.contrats").fetchall()
                await eventually(lambda: connection.execute(CONFIRMED).fetchone() == (0,), timeout=30)
            events = await Mesh({}, secrets, broker).published(ContractSignedEvent, 1)
    assert [one.event_id for one in events] == [str(event_id) for (event_id,) in stored]
    assert len(events) == 1
