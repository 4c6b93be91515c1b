"""Lists, updates and the ends of identity papers; who calls from another service."""

from datetime import timedelta

import pytest
from crm.common.common_pb2 import Pagination
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from grpc_utils import timestamp
from grpc_utils.errors import DependanceIndisponible
from service_documents.models import UsageOrganisation
from service_documents.purge import purge_contents
from service_testing import Mesh, refusal
from tests.piece_contents import PDF, created, uploaded
from tests.piece_stores import Folder, app_of


async def names(pieces: PieceJointeServiceStub, **wanted: object) -> list[str]:
    """The names in the list that *wanted* asks for."""
    answer = await pieces.List(pb.ListPiecesJointesRequest(**wanted))  # type: ignore[arg-type]  # any of its fields
    return [piece.nom_fichier for piece in answer.pieces]


async def test_R5_a_list_is_filtered_and_sorted(pieces: PieceJointeServiceStub) -> None:
    """The newest first, unless another sort is asked for."""
    first = await created(
        pieces, nom_fichier="b.txt", contenu=b"12345", categorie="MANDAT", description="RIB d'Élodie"
    )
    await created(pieces, nom_fichier="É.txt", contenu=b"1")
    last = await created(pieces, nom_fichier="a.pdf", contenu=PDF)
    assert await names(pieces) == ["a.pdf", "É.txt", "b.txt"]
    assert await names(pieces, pagination=Pagination(sort_by="nom_fichier")) == ["a.pdf", "b.txt", "É.txt"]
    assert await names(pieces, pagination=Pagination(sort_by="taille")) == ["É.txt", "b.txt", "a.pdf"]
    assert await names(pieces, categorie="MANDAT") == ["b.txt"]
    assert await names(pieces, type_mime="application/pdf") == ["a.pdf"]
    assert await names(pieces, uploaded_by="demo") == ["a.pdf", "É.txt", "b.txt"]
    assert await names(pieces, uploaded_by="somebody") == []
    assert await names(pieces, search="elodie rib") == ["b.txt"]
    assert await names(pieces, du=last.date_upload) == ["a.pdf"]
    assert await names(pieces, au=first.date_upload) == ["b.txt"]


async def test_R5_the_files_of_an_entity_are_listed(pieces: PieceJointeServiceStub) -> None:
    """Those of its type and id, of one category if asked."""
    await created(pieces, nom_fichier="a.txt", entite_type="PRODUIT", entite_id="p-1", categorie="TARIF")
    await created(pieces, nom_fichier="b.txt", entite_type="PRODUIT", entite_id="p-1")
    await created(pieces, nom_fichier="c.txt", entite_type="PRODUIT", entite_id="p-2")
    await created(pieces, nom_fichier="d.txt", entite_type="CLIENT", entite_id="p-1")
    request = pb.ListPiecesJointesByEntiteRequest(entite_type="PRODUIT", entite_id="p-1")
    assert [piece.nom_fichier for piece in (await pieces.ListByEntite(request)).pieces] == ["b.txt", "a.txt"]
    request.categorie = "TARIF"
    assert [piece.nom_fichier for piece in (await pieces.ListByEntite(request)).pieces] == ["a.txt"]


@pytest.mark.parametrize(
    ("request_", "champ"),
    [
        (pb.ListPiecesJointesByEntiteRequest(entite_id="p-1"), "entite_type"),
        (pb.ListPiecesJointesByEntiteRequest(entite_type="CLIENT"), "entite_id"),
        (pb.ListPiecesJointesByEntiteRequest(entite_type="RIEN", entite_id="p-1"), "entite_type"),
        (pb.ListPiecesJointesByEntiteRequest(entite_type="CLIENT", entite_id="a b"), "entite_id"),
    ],
)
async def test_R5_an_entity_has_a_type_and_an_id(
    pieces: PieceJointeServiceStub, request_: pb.ListPiecesJointesByEntiteRequest, champ: str
) -> None:
    """The refusal names the field."""
    assert (await refusal(pieces.ListByEntite(request_))).metadata == {"champ": champ}


async def test_R3_a_file_gets_another_name(pieces: PieceJointeServiceStub) -> None:
    """Cleaned like the first one; the content stays what it is."""
    piece = await uploaded(pieces, PDF)
    changed = await pieces.Update(
        pb.UpdatePieceJointeRequest(id=piece.id, nom_fichier="../b\r.PDF", description="", categorie="CG")
    )
    assert (changed.nom_fichier, changed.categorie, changed.version) == ("b_.PDF", "CG", 2)
    assert (changed.sha256, changed.date_upload) == (piece.sha256, piece.date_upload)
    told = await refusal(pieces.Update(pb.UpdatePieceJointeRequest(id=piece.id, nom_fichier="b.txt")))
    assert told.reason == "TYPE_REFUSE"


async def test_R16_an_identity_paper_ends_after_five_years(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str, kept: Folder
) -> None:
    """With its content and its space; other files stay."""
    paper = await created(pieces, nom_fichier="cni.txt", categorie="IDENTITE")
    other = await created(pieces)
    assert paper.expire_le == timestamp(
        paper.date_upload.ToDatetime(tzinfo=clock.PARIS).replace(year=clock.now().year + 5)
    )
    for later, there in ((timedelta(days=5 * 365 - 1), 1), (timedelta(days=5 * 365 + 3), 0)):
        with clock.frozen_at(clock.now() + later):
            await purge_contents(app_of(mesh))
        assert sum(paper.id in name for name in kept.objects()) == there
    told = await refusal(pieces.Get(pb.GetPieceJointeRequest(id=paper.id)))
    assert told.code == StatusCode.NOT_FOUND
    assert await pieces.Get(pb.GetPieceJointeRequest(id=other.id)) == other
    with within(Scope(org)):
        usage = await mesh.database("documents").read().get(UsageOrganisation, org)
    assert usage is not None
    assert (usage.octets, usage.fichiers) == (7, 1)


async def test_C14_another_service_downloads_a_file(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """Its stub carries proof, organisation and deadline for a stream, too; refusals are the callee's."""
    piece = await created(pieces, contenu=b"x" * 100_000)
    stub = mesh["clients"].app.peers.stub(PieceJointeServiceStub)
    with within(Scope(org)):
        call = stub.Download(pb.DownloadPieceJointeRequest(id=piece.id), timeout=5.0)
        answers = [answer async for answer in call]
    assert answers[0].piece == piece
    assert b"".join(answer.bloc for answer in answers[1:]) == b"x" * 100_000
    with within(Scope("org-elsewhere")):
        told = await refusal(_first(stub, piece.id))
    assert told.reason == "INTROUVABLE"


async def _first(stub: PieceJointeServiceStub, identity: str) -> object:
    async for answer in stub.Download(pb.DownloadPieceJointeRequest(id=identity)):
        return answer
    return None


async def test_C14_a_file_of_a_service_that_is_away_is_unavailable(
    mesh: Mesh, pieces: PieceJointeServiceStub, org: str
) -> None:
    """The stream ends as any other call does."""
    piece = await created(pieces)
    stub = mesh["clients"].app.peers.stub(PieceJointeServiceStub, breaker=False)
    async with mesh.without("documents"):
        with within(Scope(org)), pytest.raises(DependanceIndisponible):
            await _first(stub, piece.id)
