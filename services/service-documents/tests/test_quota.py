"""The space of an organisation (R6), also for callers who come at once."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from service_documents.models import UsageOrganisation
from service_testing import Mesh, code_of, refusal, running
from tests.piece_contents import created, messages
from tests.piece_stores import IDLE

QUOTA = 35 * 1024
GIB = 1024**3
TEN_KIB = b"x" * 10 * 1024


@pytest.fixture(scope="module")
async def small() -> AsyncIterator[Mesh]:
    """A service whose organisations have room for 35 KiB."""
    async with running(IDLE, quota_gio=QUOTA / GIB) as mesh:
        yield mesh


@pytest.fixture
def pieces(small: Mesh, org: str) -> PieceJointeServiceStub:
    """Files of an organisation without any."""
    return small.stub(PieceJointeServiceStub, organisation=org)


async def used(mesh: Mesh, org: str) -> tuple[int, int]:
    """Bytes and files that are counted."""
    row = await mesh.database("documents").read().get(UsageOrganisation, org)
    return (row.octets, row.fichiers) if row else (0, 0)


async def test_R6_ten_uploads_at_once_never_exceed_the_quota(
    small: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """Three of ten fit, and three are stored."""
    ends = await asyncio.gather(*(code_of(created(pieces, contenu=TEN_KIB)) for _ in range(10)))
    assert sorted(ends, key=str) == [grpc.StatusCode.OK] * 3 + [grpc.StatusCode.RESOURCE_EXHAUSTED] * 7
    assert await used(small, org) == (3 * len(TEN_KIB), 3)
    assert len((await pieces.List(pb.ListPiecesJointesRequest())).pieces) == 3


async def test_R6_deletion_gives_the_space_back(
    small: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """Once, however often the file is deleted."""
    stored = [await created(pieces, contenu=TEN_KIB) for _ in range(3)]
    assert (await refusal(created(pieces, contenu=TEN_KIB))).reason == "QUOTA"
    deleting = (pieces.Delete(pb.DeletePieceJointeRequest(id=stored[0].id)) for _ in range(3))
    assert sum(answer.success for answer in await asyncio.gather(*deleting)) == 1
    assert await used(small, org) == (2 * len(TEN_KIB), 2)
    await created(pieces, contenu=TEN_KIB)


async def test_R6_the_last_byte_counts(pieces: PieceJointeServiceStub) -> None:
    """Files that fill the space are stored, one byte more is not."""
    for size in (QUOTA - 1, 1):
        await created(pieces, contenu=b"x" * size)
    assert (await refusal(created(pieces, contenu=b"x"))).metadata == {"maximum": str(QUOTA)}


async def test_R6_a_file_larger_than_the_space_is_refused(pieces: PieceJointeServiceStub) -> None:
    """Of an organisation that has none yet."""
    assert (await refusal(created(pieces, contenu=b"x" * (QUOTA + 1)))).reason == "QUOTA"


async def test_R6_a_declared_size_that_does_not_fit_is_refused_at_once(
    pieces: PieceJointeServiceStub,
) -> None:
    """Before a byte has come."""
    call = pieces.Upload()
    await call.write(messages(b"", nom_fichier="a.txt", taille=QUOTA + 1)[0])
    assert (await refusal(call)).reason == "QUOTA"


async def test_R6_each_organisation_has_its_own_space(small: Mesh, pieces: PieceJointeServiceStub) -> None:
    """What one has filled is nothing to another."""
    await created(pieces, contenu=b"x" * QUOTA)
    await created(small.stub(PieceJointeServiceStub, organisation="org-elsewhere"), contenu=b"x")
