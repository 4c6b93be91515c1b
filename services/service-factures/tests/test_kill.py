"""A process that is killed between the deposit of an invoice and the note that it was made (R36)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from service_factures.service import SERVICE
from service_factures.settings import FacturesSettings
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.environment import Secrets, new_secrets
from service_testing import eventually, fresh_database, fresh_nats
from service_testing.command import is_serving
from service_testing.forked import ForkedCommand, forked
from service_testing.servers import fresh_folder

# What the making of a document and the identity of its buyer would lead to.
_TO_BE_SENT = """
UPDATE factures.facture
    SET identite_statut = 'COMPLETE', traitement = 'B2B', statut_transmission = 'A_ENVOYER';
INSERT INTO factures.facture_document (facture_id, pdf, xml, sha256, genere_at, organisation_id)
    SELECT id, '%PDF-1.7', '<xml/>', '', now(), organisation_id FROM factures.facture;
INSERT INTO factures.transmission
    (facture_id, tracking_id, tentatives, depuis, prochain_essai, organisation_id)
    SELECT id, id::text, 0, now(), now(), organisation_id FROM factures.facture
"""
_DUE = "UPDATE factures.transmission SET prochain_essai = now()"
_WAYS = """
SELECT statut_transmission, tentatives FROM factures.facture JOIN factures.transmission ON facture_id = id"""
_NOTED = "SELECT nom FROM factures.transmission_statut"


@dataclass(frozen=True)
class Site:
    """Where processes of the service run, one after the other."""

    url: str
    broker: EmbeddedNats
    depot: Path
    port: int = field(default_factory=free_port)
    secrets: Secrets = field(default_factory=lambda: new_secrets((SERVICE.name,), (FacturesSettings,)))

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[ForkedCommand]:
        """A process of the service, which ends inside or is ended at the end; *more* is its environment."""
        environment = {
            **os.environ,
            **self.secrets.environment(SERVICE.name, FacturesSettings),
            "CRM_ENV": "test",
            "DATABASE_URL": self.url,
            "NATS_URL": self.broker.url_of(SERVICE.name),
            "GRPC_HOST": "127.0.0.1",
            "GRPC_PORT": str(self.port),
            "FACTURES_DEPOT_DIR": str(self.depot),
            "USER_SYNC_ENABLED": "false",
        }
        process = await forked(["serve", SERVICE.name], environment | more)
        try:
            yield process
        finally:
            process.terminate()
            await process.communicate()

    async def issue(self) -> pb.Facture:
        """Issue an invoice."""
        await eventually(lambda: is_serving(f"127.0.0.1:{self.port}"), timeout=60)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            create: Any = InvoiceServiceStub(channel).Create
            bearer = ("authorization", f"Bearer {self.secrets.token(organisation='org-123')}")
            request = pb.CreateFactureRequest(client_id="client-123", montant=10)
            facture: pb.Facture = await create(request, metadata=(bearer,), timeout=30)
            return facture


async def test_R36_a_kill_after_the_deposit_makes_no_second_file() -> None:
    """Not even when people have taken the file away before the next attempt."""
    with fresh_nats() as broker:
        site = Site(fresh_database(SERVICE), broker, fresh_folder())
        with psycopg.connect(site.url, autocommit=True) as owner:
            async with site.running():
                facture = await site.issue()
            owner.execute(_TO_BE_SENT)
            async with site.running(FAILPOINT="transmission.before_noted") as killed:
                async with asyncio.timeout(60):
                    assert await killed.wait() == -signal.SIGKILL
            assert owner.execute(_WAYS).fetchall() == [("A_ENVOYER", 1)]
            file = site.depot / "org-123" / "defaut" / f"{facture.numero}.pdf"
            file.unlink()
            owner.execute(_DUE)
            async with site.running():
                sent = [("ENVOYEE", 2)]
                await eventually(lambda: owner.execute(_WAYS).fetchall() == sent, timeout=60)
            assert owner.execute(_NOTED).fetchall() == [("ENVOYEE",)]
        assert not file.exists()
