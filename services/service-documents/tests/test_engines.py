"""The whole service on a folder and on a bucket: a file comes, is read, is damaged, goes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import grpc
import httpx
import pytest
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from db_utils import clock
from grpc import StatusCode
from service_documents.models import PieceJointe
from service_documents.purge import purge_contents
from service_testing import Mesh, eventually, refusal, refused, running
from tests.piece_contents import created, downloaded, pdf_of, uploaded
from tests.piece_stores import IDLE, Bucket, Folder, Place, app_of, open_files

CONTENT = pdf_of(300_000)


@dataclass(frozen=True, slots=True)
class Side:
    """A service, its store, and a stub for a member of *org*."""

    mesh: Mesh
    store: Place
    pieces: PieceJointeServiceStub

    async def key_of(self, piece: pb.PieceJointe) -> str:
        """Where the content of *piece* lies."""
        row = await self.mesh.database("documents").read().get(PieceJointe, piece.id)
        assert row is not None
        return row.cle_stockage


@pytest.fixture(scope="package")
async def s3_mesh(bucket: Bucket) -> AsyncIterator[Mesh]:
    """The service on a bucket, with all of S3's options."""
    async with running(IDLE, **bucket.settings, s3_sse=True) as mesh:
        yield mesh


@pytest.fixture(params=["fichier", "s3"])
def side(request: pytest.FixtureRequest, org: str) -> Side:
    """Both sides, one after the other."""
    on_s3 = request.param == "s3"
    mesh: Mesh = request.getfixturevalue("s3_mesh" if on_s3 else "mesh")
    store: Place = request.getfixturevalue("bucket" if on_s3 else "kept")
    return Side(mesh, store, mesh.stub(PieceJointeServiceStub, organisation=org))


async def test_R17_a_file_comes_and_is_read(side: Side) -> None:
    """The row remembers where its content is; the key has nothing of the name (R3)."""
    piece = await uploaded(side.pieces, CONTENT, nom_fichier="../../x.pdf")
    assert side.store.get(await side.key_of(piece)) == CONTENT
    described, blocks = await downloaded(side.pieces, piece.id)
    assert (described, b"".join(blocks), piece.nom_fichier) == (piece, CONTENT, "x.pdf")
    assert max(map(len, blocks)) == 64 * 1024
    assert b"".join((await downloaded(side.pieces, piece.id, debut=299_000))[1]) == CONTENT[299_000:]


async def test_R9_a_damaged_content_is_noticed(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    """A bit is enough, whoever looks: a whole download ends with DATA_LOSS, and so does the question."""
    piece = await uploaded(side.pieces, CONTENT)
    damaged = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    side.store.put(await side.key_of(piece), damaged)
    assert await refused(downloaded(side.pieces, piece.id)) == (StatusCode.DATA_LOSS, "CONTENU_ALTERE")
    checked = await side.pieces.VerifierIntegrite(pb.VerifierIntegriteRequest(id=piece.id))
    assert (checked.conforme, checked.sha256_attendu) == (False, piece.sha256)
    assert checked.sha256_calcule not in ("", piece.sha256)
    assert [record.levelname for record in caplog.records if piece.id in record.getMessage()] == ["ERROR"] * 2


async def test_R9_a_sound_content_is_confirmed(side: Side) -> None:
    """Both digests are that of the upload."""
    piece = await uploaded(side.pieces, CONTENT)
    checked = await side.pieces.VerifierIntegrite(pb.VerifierIntegriteRequest(id=piece.id))
    assert checked == pb.VerifierIntegriteResponse(
        conforme=True, sha256_attendu=piece.sha256, sha256_calcule=piece.sha256
    )


@pytest.mark.parametrize("left", [CONTENT[:1000], CONTENT + b"x", None], ids=["short", "long", "lost"])
async def test_R9_a_content_of_another_length_is_noticed(side: Side, left: bytes | None) -> None:
    """Shorter, longer, or not there at all; a part that is missing bytes is DATA_LOSS too."""
    piece = await uploaded(side.pieces, CONTENT)
    key = await side.key_of(piece)
    side.store.remove(key) if left is None else side.store.put(key, left)
    checked = await side.pieces.VerifierIntegrite(pb.VerifierIntegriteRequest(id=piece.id))
    assert (checked.conforme, bool(checked.sha256_calcule)) == (False, left is not None)
    if left is None or len(left) < len(CONTENT):
        assert (await refusal(downloaded(side.pieces, piece.id))).code == StatusCode.DATA_LOSS
        assert (await refusal(downloaded(side.pieces, piece.id, debut=5000))).code == StatusCode.DATA_LOSS


async def test_R1_what_is_deleted_goes_after_30_days(side: Side) -> None:
    """The content of another file stays."""
    gone, stays = await created(side.pieces), await created(side.pieces)
    keys = [await side.key_of(piece) for piece in (gone, stays)]
    await side.pieces.Delete(pb.DeletePieceJointeRequest(id=gone.id))
    with clock.frozen_at(clock.now() + timedelta(days=30, minutes=1)):
        for _ in range(2):
            await purge_contents(app_of(side.mesh))
    assert [key in side.store.objects() for key in keys] == [False, True]
    assert b"".join((await downloaded(side.pieces, stays.id))[1]) == b"Bonjour"


async def test_R11_a_link_downloads_the_file(side: Side) -> None:
    """Without a token, under its name, as an attachment of its type; from a folder there is none."""
    piece = await created(side.pieces, nom_fichier="Été 1.txt")
    asking = side.pieces.GenererLien(pb.GenererLienRequest(id=piece.id, duree_s=60))
    if isinstance(side.store, Folder):
        assert await refused(asking) == (StatusCode.FAILED_PRECONDITION, "LIEN_NON_DISPONIBLE")
        return
    link = await asking
    async with httpx.AsyncClient() as client:
        answer = await client.get(link.url)
    assert (answer.content, answer.headers["content-type"]) == (b"Bonjour", "text/plain")
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_t_ 1.txt\"; filename*=UTF-8''%C3%89t%C3%A9%201.txt"
    )
    assert 0 < link.expire_le.ToDatetime(tzinfo=clock.now().tzinfo).timestamp() - clock.timestamp() <= 60


async def test_R11_a_link_lives_an_hour_at_most(side: Side) -> None:
    """Whatever the store is."""
    piece = await created(side.pieces)
    told = await refusal(side.pieces.GenererLien(pb.GenererLienRequest(id=piece.id, duree_s=3601)))
    assert (told.reason, told.metadata["champ"]) == ("FORMAT_INVALIDE", "duree_s")


async def test_R17_the_store_keeps_what_it_was_told(s3_mesh: Mesh, bucket: Bucket) -> None:
    """The checksum and the encryption of the object."""
    pieces = s3_mesh.stub(PieceJointeServiceStub, organisation="org-sse")
    piece = await created(pieces)
    row = await s3_mesh.database("documents").read().get(PieceJointe, piece.id)
    assert row is not None
    head = bucket.client.head_object(Bucket="documents", Key=row.cle_stockage, ChecksumMode="ENABLED")
    assert (head["ServerSideEncryption"], bool(head["ChecksumSHA256"])) == ("AES256", True)


async def test_R17_files_of_both_stores_are_read_after_a_change(bucket: Bucket, folder: Folder) -> None:
    """New ones go to the new one; where a store is not set up any more, its files are unavailable."""
    async with running(IDLE, **folder.settings) as mesh:
        url = mesh["documents"].settings.database_url.get_secret_value()
        old = await created(mesh.stub(PieceJointeServiceStub), contenu=b"old")
    async with running(IDLE, **{**bucket.settings, "stockage_racine": folder.root}, database_url=url) as mesh:
        pieces = mesh.stub(PieceJointeServiceStub)
        new = await created(pieces, contenu=b"new")
        read = [b"".join((await downloaded(pieces, one.id))[1]) for one in (old, new)]
    async with running(IDLE, **folder.settings, database_url=url) as mesh:
        told = await refused(downloaded(mesh.stub(PieceJointeServiceStub), new.id))
    assert (read, told) == ([b"old", b"new"], (grpc.StatusCode.UNAVAILABLE, "STOCKAGE_INDISPONIBLE"))


async def test_R8_a_reader_who_goes_away_leaves_nothing_open(
    mesh: Mesh, pieces: PieceJointeServiceStub, kept: Folder
) -> None:
    """Wherever in the file, also before its first block."""
    piece = await uploaded(pieces, pdf_of(3_000_000))
    for number in range(10):
        call = pieces.Download(pb.DownloadPieceJointeRequest(id=piece.id))
        for _ in range(number % 4):
            await call.read()
        call.cancel()
    await eventually(lambda: open_files(kept) == 0)
