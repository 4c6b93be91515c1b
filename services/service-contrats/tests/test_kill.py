"""A process that is killed between a commit and the publication of its event (R10)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
from service_testing import Mesh, code_of, eventually, fresh_database, fresh_nats
from service_testing.command import is_serving
from service_testing.forked import ForkedCommand, forked
from tests.en_statut import SHORT

UNCONFIRMED = "SELECT count(*) FROM contrats.outbox WHERE stream_sequence IS NULL"


@dataclass(frozen=True)
class Site:
    """Where processes of the service run, one after the other."""

    url: str
    broker: EmbeddedNats
    port: int = field(default_factory=free_port)
    secrets: Secrets = field(default_factory=lambda: new_secrets((SERVICE.name,)))

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[ForkedCommand]:
        """A process of the service, which ends inside or is ended at the end; *more* is its environment."""
        environment = {
            **os.environ,
            **self.secrets.environment(SERVICE.name),
            "CRM_ENV": "test",
            "DATABASE_URL": self.url,
            "NATS_URL": self.broker.url_of(SERVICE.name),
            "GRPC_HOST": "127.0.0.1",
            "GRPC_PORT": str(self.port),
        }
        process = await forked(["serve", SERVICE.name], environment | more)
        try:
            await eventually(lambda: is_serving(f"127.0.0.1:{self.port}"), timeout=60)
            yield process
        finally:
            process.terminate()
            await process.communicate()

    async def create(self) -> grpc.StatusCode:
        """Send the short form; how it ended."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            create: Any = ContratServiceStub(channel).Create
            bearer = ("authorization", f"Bearer {self.secrets.token()}")
            return await code_of(create(pb.CreateContratRequest(**SHORT), metadata=(bearer,), timeout=30))


@pytest.mark.parametrize("failpoint", ["relay.before_publish", "relay.after_publish"])
async def test_R10_a_kill_neither_loses_nor_repeats_the_event(failpoint: str) -> None:
    """It goes out after the restart, once, under the id that the contract holds.

    The call is answered, or its process is killed before it can be.
    """
    with fresh_nats() as broker:
        site = Site(fresh_database(SERVICE), broker)
        async with site.running(FAILPOINT=failpoint) as killed:
            assert await site.create() in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
            async with asyncio.timeout(30):
                assert await killed.wait() == -signal.SIGKILL
        async with site.running():
            with psycopg.connect(site.url, autocommit=True) as connection:
                stored = connection.execute("SELECT signature_event_id FROM contrats.contrats").fetchall()
                await eventually(lambda: connection.execute(UNCONFIRMED).fetchone() == (0,), timeout=30)
            events = await Mesh({}, site.secrets, broker).published(ContractSignedEvent, 1)
    assert len(events) == 1
    assert [one.event_id for one in events] == [str(event_id) for (event_id,) in stored]
