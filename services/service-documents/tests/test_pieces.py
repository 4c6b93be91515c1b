"""PieceJointeService: a file from its upload to its deletion."""

from datetime import timedelta
from pathlib import Path

import pytest
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from service_documents.models import PieceJointe, UsageOrganisation
from service_documents.purge import purge_contents
from service_testing import Mesh, refusal, refused
from tests.piece_contents import PDF, created, downloaded, pdf_of, sha256_of, uploaded
from tests.piece_stores import app_of

DEVIS = pdf_of(12_345)


async def usage_of(mesh: Mesh, org: str) -> tuple[int, int]:
    """Bytes and files of *org*."""
    with within(Scope(org)):
        row = await mesh.database("documents").read().get(UsageOrganisation, org)
    return (row.octets, row.fichiers) if row else (0, 0)


async def test_R1_a_file_is_stored_and_described(pieces: PieceJointeServiceStub, org: str) -> None:
    """What Upload answers is what Get finds."""
    piece = await uploaded(pieces, DEVIS, nom_fichier="Devis Été.pdf", description="du 3 mars")
    expected = pb.PieceJointe(
        id=piece.id,
        organisation_id=org,
        nom_fichier="Devis Été.pdf",
        type_mime="application/pdf",
        taille=12_345,
        sha256=sha256_of(DEVIS),
        entite_type="CLIENT",
        entite_id="c-1",
        categorie="GENERAL",
        description="du 3 mars",
        uploaded_by="demo",
        date_upload=piece.date_upload,
        created_at=piece.date_upload,
        updated_at=piece.date_upload,
        version=1,
    )
    assert expected == piece == await pieces.Get(pb.GetPieceJointeRequest(id=piece.id))


async def test_R1_a_small_file_is_sent_at_once(pieces: PieceJointeServiceStub) -> None:
    """It is stored like any other."""
    piece = await created(pieces, nom_fichier="a.pdf", contenu=PDF)
    assert (await downloaded(pieces, piece.id)) == (piece, [PDF])


async def test_R1_a_deleted_file_ends_in_the_store_after_30_days(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """For callers it ends at once, and takes no space (R6)."""
    piece = await uploaded(pieces, DEVIS)
    assert await usage_of(mesh, org) == (12_345, 1)
    assert (await pieces.Delete(pb.DeletePieceJointeRequest(id=piece.id))).success
    assert await usage_of(mesh, org) == (0, 0)
    assert (await refusal(downloaded(pieces, piece.id))).reason == "INTROUVABLE"
    content = await content_of(mesh, piece.id)
    await purged(mesh, timedelta(days=30, seconds=-5))
    assert content.exists()
    await purged(mesh, timedelta(days=30, seconds=5))
    assert not content.exists()


async def content_of(mesh: Mesh, identity: str) -> Path:
    """Where the content of a file lies."""
    row = await mesh.database("documents").read().get(PieceJointe, identity)
    assert row is not None
    root: Path = app_of(mesh).settings.stockage_racine
    return root / row.cle_stockage


async def purged(mesh: Mesh, later: timedelta) -> None:
    """Run the job at a later instant."""
    with clock.frozen_at(clock.now() + later):
        await purge_contents(app_of(mesh))


async def test_R8_a_part_is_downloaded(pieces: PieceJointeServiceStub) -> None:
    """From a byte to another, or to the end."""
    piece = await uploaded(pieces, DEVIS)
    assert b"".join((await downloaded(pieces, piece.id, debut=12_000))[1]) == DEVIS[12_000:]
    assert b"".join((await downloaded(pieces, piece.id, debut=10, longueur=5))[1]) == DEVIS[10:15]
    assert b"".join((await downloaded(pieces, piece.id, debut=12_000, longueur=9_999))[1]) == DEVIS[12_000:]


@pytest.mark.parametrize(
    ("part", "code", "reason"),
    [
        ({"debut": 12_345}, StatusCode.OUT_OF_RANGE, "DEBUT_APRES_LA_FIN"),
        ({"debut": -1}, StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE"),
        ({"longueur": -1}, StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE"),
    ],
)
async def test_R8_there_is_nothing_after_the_end(
    pieces: PieceJointeServiceStub, part: dict[str, int], code: StatusCode, reason: str
) -> None:
    """The refusal comes before the first message."""
    piece = await uploaded(pieces, DEVIS)
    assert await refused(downloaded(pieces, piece.id, **part)) == (code, reason)
