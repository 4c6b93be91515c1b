"""Uploads that do not end well, and those at the limits: what is refused when, and what is left of it."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from service_documents.models import PieceJointe, UsageOrganisation
from service_documents.purge import purge_contents
from service_testing import Mesh, eventually, refusal, refused, running
from service_testing.fixtures import Member
from sqlalchemy import func, select
from tests.piece_contents import PAGE, PDF, created, messages, pdf_of, sha256_of, uploaded
from tests.piece_stores import IDLE, Folder, app_of, open_files

MIB = 1024**2
LIMIT = 25 * MIB
ROWS = select(func.count()).select_from(PieceJointe)


async def left(mesh: Mesh, org: str) -> tuple[int, int]:
    """How many rows *org* has, in whatever state, and how many bytes are counted."""
    with within(Scope(org)):
        reader = mesh.database("documents").read()
        usage = await reader.get(UsageOrganisation, org)
        return await reader.one(ROWS) or 0, usage.octets if usage else 0


@pytest.mark.parametrize(
    ("content", "fields", "code", "reason"),
    [
        (b"", {}, StatusCode.INVALID_ARGUMENT, "FICHIER_VIDE"),
        (PDF, {"taille": len(PDF) - 1}, StatusCode.DATA_LOSS, "EMPREINTE_DIFFERENTE"),
        (PDF, {"taille": len(PDF) + 1}, StatusCode.DATA_LOSS, "EMPREINTE_DIFFERENTE"),
        (PDF, {"sha256": sha256_of(PDF + b"x")}, StatusCode.DATA_LOSS, "EMPREINTE_DIFFERENTE"),
        (
            PAGE,
            {"nom_fichier": "a.txt", "type_mime": "text/plain"},
            StatusCode.INVALID_ARGUMENT,
            "TYPE_REFUSE",
        ),
        (PDF, {"nom_fichier": ".."}, StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE"),
    ],
)
async def test_R2_what_is_refused_leaves_nothing(
    mesh: Mesh,
    pieces: PieceJointeServiceStub,
    org: str,
    kept: Folder,
    content: bytes,
    fields: dict[str, Any],
    code: StatusCode,
    reason: str,
) -> None:
    """Sent in blocks or at once: no row, no space, no content."""
    before = kept.objects()
    assert await refused(uploaded(pieces, content, **fields)) == (code, reason)
    assert await refused(created(pieces, **{"nom_fichier": "a.pdf", "contenu": content, **fields})) == (
        code,
        reason,
    )
    assert (await left(mesh, org), kept.objects()) == ((0, 0), before)


async def test_R2_a_declared_content_that_comes_is_stored(pieces: PieceJointeServiceStub) -> None:
    """Size and digest, in any case, are those of the content."""
    piece = await uploaded(
        pieces, PDF, taille=len(PDF), sha256=sha256_of(PDF).upper(), type_mime="application/pdf"
    )
    assert (piece.taille, piece.sha256) == (len(PDF), sha256_of(PDF))


async def test_R2_one_byte_too_many_is_refused_before_the_end(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """The caller hears it while the stream is open."""
    call = pieces.Upload()
    for message in messages(bytes(LIMIT) + b"x", size=250_000):
        await call.write(message)
    told = await refusal(call)
    assert (told.code, told.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TROP_VOLUMINEUX")
    assert told.metadata == {"maximum": str(LIMIT)}
    assert await left(mesh, org) == (0, 0)


async def test_R2_a_declared_size_that_is_too_large_is_refused_at_once(
    pieces: PieceJointeServiceStub,
) -> None:
    """Before a byte has come."""
    call = pieces.Upload()
    await call.write(messages(b"", taille=LIMIT + 1)[0])
    assert (await refusal(call)).reason == "TROP_VOLUMINEUX"


async def test_R2_the_largest_file_is_stored(pieces: PieceJointeServiceStub) -> None:
    """25 MiB, byte by byte."""
    content = pdf_of(LIMIT)
    piece = await uploaded(pieces, content, size=250_000)
    assert (piece.taille, piece.sha256) == (LIMIT, sha256_of(content))


@pytest.mark.parametrize(
    ("size", "reason"), [(3 * MIB + 1, "TROP_VOLUMINEUX"), (3 * MIB, None)], ids=["more", "most"]
)
async def test_R2_a_create_takes_3_mib(pieces: PieceJointeServiceStub, size: int, reason: str | None) -> None:
    """What is larger is sent in blocks."""
    creating = created(pieces, nom_fichier="a.pdf", contenu=pdf_of(size))
    if reason is None:
        assert (await creating).taille == size
    else:
        assert (await refusal(creating)).reason == reason


async def test_R2_a_stream_keeps_to_its_form(pieces: PieceJointeServiceStub) -> None:
    """Blocks are small, and nothing but blocks follows the description."""
    first, *_ = messages(PDF)
    large = pb.UploadPieceJointeRequest(bloc=bytes(256 * 1024 + 1))
    assert (await refusal(pieces.Upload(iter([first, large])))).reason == "TROP_LONG"
    assert (await refusal(pieces.Upload(iter([first, first])))).reason == "BLOC_ATTENDU"


async def test_R2_a_first_block_may_come_with_the_description(pieces: PieceJointeServiceStub) -> None:
    """Empty blocks are no harm."""
    first, *_ = messages(b"", sha256=sha256_of(PDF), bloc=PDF[:10])
    rest = [pb.UploadPieceJointeRequest(bloc=block) for block in (b"", PDF[10:], b"")]
    assert (await pieces.Upload(iter([first, *rest]))).sha256 == sha256_of(PDF)


async def test_R2_a_stream_announces_what_ends_it(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str, kept: Folder
) -> None:
    """Its size or its digest: some clients end their stream in good form when they fail to read the file."""
    before = kept.objects()
    assert (await refusal(uploaded(pieces, PDF, sha256=""))).reason == "FIN_INCONNUE"
    assert (await left(mesh, org), kept.objects()) == ((0, 0), before)
    assert (await uploaded(pieces, PDF, sha256="", taille=len(PDF))).taille == len(PDF)


@pytest.mark.parametrize("by", ["cancel", "hang up"])
async def test_R1_a_stream_that_is_cut_leaves_nothing(mesh: Mesh, org: str, kept: Folder, by: str) -> None:
    """Even where what has come would be a good file: no row, no space, no content, no open file."""
    before = kept.objects()
    for _ in range(10):
        channel = mesh.channel("documents", mesh.secrets.token(organisation=org))
        call = PieceJointeServiceStub(channel).Upload()
        for message in messages(PDF, size=30):
            await call.write(message)
        if by == "cancel":
            call.cancel()
        await channel.close()
    await eventually(lambda: open_files(kept) == 0)
    assert (await left(mesh, org), kept.objects()) == ((0, 0), before)


async def test_R1_what_a_killed_process_leaves_is_removed(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str, kept: Folder
) -> None:
    """A row that is en_cours is nothing to callers; after an hour it goes, with its content and its rest."""
    piece = await created(pieces)
    database = mesh.database("documents")
    row = await database.read().get(PieceJointe, piece.id)
    assert row is not None
    async with database.transaction() as tx:
        await tx.update(row, etat="en_cours", a_purger_le=clock.now() + timedelta(hours=1))
    unfinished = kept.root / row.cle_stockage
    unfinished.with_name(f".{unfinished.name}-0a1b2c3d").write_bytes(b"half")
    assert (await refusal(pieces.Get(pb.GetPieceJointeRequest(id=piece.id)))).reason == "INTROUVABLE"
    assert not (await pieces.List(pb.ListPiecesJointesRequest())).pieces
    for hours, there in ((0.9, 2), (1.1, 0)):
        with clock.frozen_at(clock.now() + timedelta(hours=hours)):
            await purge_contents(app_of(mesh))
        assert len([name for name in kept.objects() if piece.id in name]) == there
    gone = await database.read().get(PieceJointe, piece.id)
    assert gone is not None
    assert (gone.etat, gone.a_purger_le) == ("purge", None)


async def test_R7_files_may_have_one_name(pieces: PieceJointeServiceStub) -> None:
    """They are two files."""
    two = [await created(pieces, nom_fichier="rib.txt") for _ in range(2)]
    listed = await pieces.ListByEntite(
        pb.ListPiecesJointesByEntiteRequest(entite_type="CLIENT", entite_id="c-1")
    )
    assert {piece.id for piece in listed.pieces} == {piece.id for piece in two}


async def test_C21_an_upload_under_a_key_is_stored_once(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """Sent again, or at once, it answers the first file; another content under the key is refused."""
    key = (("idempotency-key", f"cle-{org}"),)
    first = await pieces.Upload(iter(messages(PDF)), metadata=key)
    again = await asyncio.gather(*(pieces.Upload(iter(messages(PDF)), metadata=key) for _ in range(3)))
    assert ({piece.id for piece in again}, await left(mesh, org)) == ({first.id}, (1, len(PDF)))
    told = await refusal(pieces.Upload(iter(messages(PDF + b"%")), metadata=key))
    assert told.reason == "CLE_IDEMPOTENCE_REUTILISEE"


async def test_C21_a_create_under_a_key_is_stored_once(pieces: PieceJointeServiceStub) -> None:
    """The row is there before the content, although the call holds its transaction back (R1)."""
    request = pb.CreatePieceJointeRequest(
        nom_fichier="a.txt", entite_type="CLIENT", entite_id="c-1", contenu=b"Bonjour"
    )
    two = [await pieces.Create(request, metadata=(("idempotency-key", "cle-create"),)) for _ in range(2)]
    assert two[0] == two[1]
    assert (await pieces.Get(pb.GetPieceJointeRequest(id=two[0].id))) == two[0]


async def test_R17_a_store_that_is_away_takes_no_space(
    mesh: Mesh, member: Member, org: str, kept: Folder
) -> None:
    """The caller is told UNAVAILABLE, and the next upload is stored."""
    pieces = member(PieceJointeServiceStub)
    blocked = kept.root / org
    blocked.write_bytes(b"")
    assert await refused(created(pieces)) == (grpc.StatusCode.UNAVAILABLE, "STOCKAGE_INDISPONIBLE")
    assert (await left(mesh, org))[1] == 0
    blocked.unlink()
    assert (await created(pieces)).taille == 7


async def test_R17_a_folder_that_cannot_be_written_is_unavailable(folder: Folder) -> None:
    """Where the root is no folder, nothing can even come in."""
    (root := folder.root / "file").write_bytes(b"")
    async with running(IDLE, stockage_racine=root) as mesh:
        told = await refused(created(mesh.stub(PieceJointeServiceStub)))
    assert told == (grpc.StatusCode.UNAVAILABLE, "STOCKAGE_INDISPONIBLE")
