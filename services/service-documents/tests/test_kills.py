"""A process that is killed while it archives a contract: the next one makes the archive, once (R14)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import nats
import psycopg
import pytest
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import ArchiveServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from grpc_utils import answered_or_none
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError
from nats_utils import event_type
from service_documents.settings import DocumentsSettings
from service_kit.embedded import free_port
from service_kit.environment import Secrets, new_secrets
from service_testing import eventually, fresh_database, fresh_nats
from service_testing.command import Command, is_serving
from service_testing.double_servers import serving_double
from service_testing.forked import ForkedCommand
from service_testing.servers import fresh_folder
from tests.contrat_doubles import Heard, contrats_of, organisations_of_nobody, signature_of
from tests.piece_stores import Folder

ORG = "org-123"
_DUE = "UPDATE documents.archives_a_faire SET prochain_essai = now() WHERE etat = 'en_attente'"
_ROWS = "SELECT etat, count(*)::int FROM documents.pieces_jointes GROUP BY etat"


@dataclass(frozen=True, slots=True)
class Around:
    """What a process of documents finds around it: it comes and goes, the rest stays."""

    command: Command
    secrets: Secrets
    contrats: Heard
    url: str
    broker: str
    address: str
    store: Folder
    processes: list[ForkedCommand] = field(default_factory=list)

    async def announce(self, event: ContractSignedEvent) -> None:
        """Put *event* on the bus."""
        client = await nats.connect(self.broker)
        try:
            await eventually(lambda: _taken(client.jetstream(), event))
        finally:
            await client.close()

    async def start(self, **environment: str) -> ForkedCommand:
        """Start a process, which serves soon after."""
        process = await self.command.where(**environment).start("serve", "documents")
        self.processes.append(process)
        await eventually(lambda: is_serving(self.address), timeout=30)
        return process

    def query(self, statement: str) -> dict[str, int]:
        """The rows of *statement*, as a mapping."""
        with psycopg.connect(self.url, autocommit=True) as owner:
            cursor = owner.execute(statement.encode())
            return dict(cursor.fetchall()) if cursor.description else {}

    async def archived(self, contrat_id: str) -> pb.PieceJointe | None:
        """The archive of a contract, None as long as there is none."""
        metadata = (("authorization", f"Bearer {self.secrets.token(organisation=ORG)}"),)
        request = pb.GetArchiveContratRequest(contrat_id=contrat_id)
        async with grpc.aio.insecure_channel(self.address) as channel:
            call = ArchiveServiceStub(channel).GetArchiveContrat(request, metadata=metadata)
            return await answered_or_none(call)


async def _taken(js: JetStreamContext, event: ContractSignedEvent) -> bool:
    """Whether the broker has *event*; its streams are made by the first process that comes."""
    try:
        await js.publish(event_type(type(event)).subject, event.SerializeToString())
    except NoStreamResponseError:
        return False
    return True


@pytest.fixture
async def around(crm: Command) -> AsyncIterator[Around]:
    """A database, a broker, a folder and a contrats service, but no documents yet."""
    secrets, heard = new_secrets(("documents", "contrats", "organisations")), Heard()
    store, url = Folder(fresh_folder()), fresh_database()
    address, contrats, organisations = (f"127.0.0.1:{free_port()}" for _ in range(3))
    with fresh_nats() as broker:
        command = crm.where(
            **secrets.environment("documents", DocumentsSettings),
            DATABASE_URL=url,
            NATS_URL=broker.url,
            GRPC_HOST="127.0.0.1",
            GRPC_PORT=address.rpartition(":")[2],
            STOCKAGE_RACINE=str(store.root),
            CONTRATS_GRPC_ADDR=contrats,
            ORGANISATIONS_GRPC_ADDR=organisations,
        )
        nobody = organisations_of_nobody()
        async with (
            serving_double("contrats", [contrats_of(heard)], secrets, contrats),
            serving_double("organisations", [nobody], secrets, organisations),
        ):
            around = Around(command, secrets, heard, url, broker.url, address, store)
            yield around
            for process in around.processes:
                process.kill()
                await process.communicate()


@pytest.mark.parametrize("failpoint", ["consumer.after_commit", "depot.after_write", "archive.before_done"])
async def test_R14_whatever_kills_a_process_there_is_one_archive(around: Around, failpoint: str) -> None:
    """After the event, after the content and before the row is done; the same event comes again, too."""
    contrat = around.contrats.add(ORG)
    event = signature_of(contrat)
    killed = await around.start(FAILPOINT=f"{failpoint}:1")
    await around.announce(event)
    assert await killed.wait() == -9
    around.query(_DUE)
    await around.announce(event)
    await around.start()
    archive = await eventually(lambda: around.archived(contrat.id), timeout=30)
    await eventually(lambda: around.query("SELECT etat, 1 FROM documents.archives_a_faire") == {"fait": 1})
    unfinished = {"en_cours": 1} if failpoint == "depot.after_write" else {}
    assert around.query(_ROWS) == {"disponible": 1, **unfinished}
    assert archive is not None
    assert archive.entite_id == contrat.id
