"""The memory of a service at work: a file of 25 MiB comes and goes without being in it."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Awaitable
from secrets import token_urlsafe

import grpc
import psutil
import pytest
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from service_kit.embedded import free_port
from service_kit.environment import Secrets
from service_testing import eventually, fresh_database, fresh_nats
from service_testing.command import Command, is_serving
from service_testing.servers import fresh_folder
from tests.piece_contents import pdf_of

MIB = 1024**2
CONTENT = pdf_of(25 * MIB)
BLOCK = 256 * 1024
MOST_GROWTH = 4 * MIB


class Process:
    """A service in a process of its own, and a stub for a member of an organisation."""

    def __init__(self, pid: int, address: str, secret: str) -> None:
        self._process = psutil.Process(pid)
        self._channel = grpc.aio.insecure_channel(address)
        self.pieces = PieceJointeServiceStub(self._channel)
        self.metadata = (("authorization", f"Bearer {Secrets(secret).token()}"),)

    async def growth(self, work: Awaitable[None]) -> int:
        """How many bytes more than before the process takes, at most, while *work* is done."""
        before = self._process.memory_info().rss
        most = before
        task = asyncio.ensure_future(work)
        while not task.done():
            most = max(most, self._process.memory_info().rss)
            await asyncio.wait((task,), timeout=0.002)
        task.result()
        return most - before

    async def upload(self) -> None:
        """Send the file."""
        piece = await self.pieces.Upload(_messages(), metadata=self.metadata)
        assert piece.sha256 == hashlib.sha256(CONTENT).hexdigest()
        self.identity = piece.id

    async def download(self) -> None:
        """Fetch the file."""
        digest = hashlib.sha256()
        request = pb.DownloadPieceJointeRequest(id=self.identity)
        async for answer in self.pieces.Download(request, metadata=self.metadata):
            digest.update(answer.bloc)
        assert digest.digest() == hashlib.sha256(CONTENT).digest()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


async def _messages() -> AsyncIterator[pb.UploadPieceJointeRequest]:
    yield pb.UploadPieceJointeRequest(
        nom_fichier="a.pdf", entite_type="CLIENT", entite_id="c-1", taille=len(CONTENT)
    )
    for place in range(0, len(CONTENT), BLOCK):
        yield pb.UploadPieceJointeRequest(bloc=CONTENT[place : place + BLOCK])


@pytest.fixture
async def process(crm: Command) -> AsyncIterator[Process]:
    """The service, which has seen one file already: what it needs once, it has."""
    with fresh_nats() as broker:
        address, secret = f"127.0.0.1:{free_port()}", token_urlsafe(48)
        running = await crm.where(
            DATABASE_URL=fresh_database(),
            NATS_URL=broker.url,
            JWT_SECRET=secret,
            GRPC_HOST="127.0.0.1",
            GRPC_PORT=address.rpartition(":")[2],
            STOCKAGE_RACINE=str(fresh_folder()),
        ).start("serve", "documents")
        await eventually(lambda: is_serving(address), timeout=30)
        process = Process(running.pid, address, secret)
        await process.upload()
        await process.download()
        yield process
        await process.close()
        running.send_signal(signal.SIGTERM)
        await running.communicate()


async def test_R2_a_large_file_is_never_in_memory(process: Process) -> None:
    """Up and down, twice: the process grows by 4 MiB at most."""
    grown = [await process.growth(work()) for work in (process.upload, process.download) * 2]
    assert [growth for growth in grown if growth > MOST_GROWTH] == []
