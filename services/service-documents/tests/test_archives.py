"""Archives of signed contracts: made once, by the event or by hand, while others are up or down."""

import asyncio
import logging
from dataclasses import fields
from datetime import datetime, timedelta

import pytest
from crm.contrats import contrats_pb2 as contrats_pb
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import ArchiveServiceStub, PieceJointeServiceStub
from db_utils import Scope, clock, uuid7, within
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc_utils.errors import BaseIndisponible, PermissionDenied
from service_documents.archive_job import WAITS, archive_due
from service_documents.models import ArchiveAFaire, PieceJointe
from service_testing import Mesh, eventually, refusal, refused
from service_testing.fixtures import Member
from sqlalchemy import func, select
from tests.archived import archive, shown
from tests.contrat_doubles import Heard, signature_of
from tests.piece_contents import PDF, created, downloaded, sha256_of
from tests.piece_stores import Folder, app_of


async def row_of(mesh: Mesh, contrat: contrats_pb.Contrat) -> ArchiveAFaire:
    """What has become of the archive of a contract."""
    row = await mesh.database("documents").read().get(ArchiveAFaire, (contrat.organisation_id, contrat.id))
    assert row is not None
    return row


async def worked(mesh: Mesh, at: datetime | None = None) -> None:
    """Run the job, at an instant if it matters."""
    with clock.frozen_at(at or clock.now()):
        await archive_due(app_of(mesh))


async def pieces_of(mesh: Mesh, org: str) -> int:
    """How many files *org* has, visible or not."""
    with within(Scope(org)):
        return await mesh.database("documents").read().one(select(func.count()).select_from(PieceJointe)) or 0


async def test_R12_a_signature_makes_an_archive(
    mesh: Mesh, archives: ArchiveServiceStub, pieces: PieceJointeServiceStub, contrats: Heard, org: str
) -> None:
    """The worked example: one PDF, which nobody can change, and the same event again is nothing (R14)."""
    contrat = contrats.add(org)
    event = signature_of(contrat)
    await mesh.deliver(event)
    await worked(mesh)
    piece = await archives.GetArchiveContrat(pb.GetArchiveContratRequest(contrat_id=contrat.id))
    assert piece == pb.PieceJointe(
        id=piece.id,
        organisation_id=org,
        nom_fichier="contrat-CTR-2026-000001.pdf",
        type_mime="application/pdf",
        taille=piece.taille,
        sha256=piece.sha256,
        entite_type="CONTRAT",
        entite_id=contrat.id,
        categorie="CONTRAT_SIGNE",
        immuable=True,
        uploaded_by="systeme",
        date_upload=piece.date_upload,
        created_at=piece.date_upload,
        updated_at=piece.date_upload,
        version=1,
    )
    text = await shown(pieces, piece)
    assert "598,80 €" in text
    assert event.event_id in text
    await mesh.deliver(event)
    await worked(mesh)
    again = await archive(archives, contrat)
    assert (again.piece, again.deja_archive) == (piece, True)
    assert (await row_of(mesh, contrat)).etat == "fait"


async def test_R10_an_archive_can_be_neither_changed_nor_deleted(
    archives: ArchiveServiceStub, pieces: PieceJointeServiceStub, contrats: Heard, org: str
) -> None:
    """Not even its description."""
    piece = (await archive(archives, contrats.add(org))).piece
    told = (StatusCode.FAILED_PRECONDITION, "DOCUMENT_IMMUABLE")
    assert await refused(pieces.Delete(pb.DeletePieceJointeRequest(id=piece.id))) == told
    assert await refused(pieces.Update(pb.UpdatePieceJointeRequest(id=piece.id, description="x"))) == told
    assert await pieces.Get(pb.GetPieceJointeRequest(id=piece.id)) == piece


async def test_R14_of_many_at_once_one_makes_the_archive(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str, kept: Folder
) -> None:
    """Five events, and five calls beside the job: one archive, and one content in the store."""
    contrat = contrats.add(org)
    await mesh.deliver(signature_of(contrat), times=5)
    answers = await asyncio.gather(*(archive(archives, contrat) for _ in range(5)), worked(mesh))
    made = [answer for answer in answers if answer is not None]
    assert len({answer.piece.id for answer in made}) == 1
    assert sum(not answer.deja_archive for answer in made) <= 1
    assert len([name for name in kept.objects() if name.startswith(f"{org}/")]) == 1
    assert (await row_of(mesh, contrat)).etat == "fait"


async def test_R12_contrats_away_is_waited_for(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """The event is acknowledged, three attempts fail, contrats is back: the fourth succeeds."""
    contrat = contrats.add(org)
    await mesh.deliver(signature_of(contrat))
    now = clock.now()
    contrats.failures += [BaseIndisponible() for _ in range(3 * 3)]  # a read is asked for three times (C14)
    for number, wait in enumerate(WAITS[:3], start=1):
        await worked(mesh, now)
        row = await row_of(mesh, contrat)
        assert (row.etat, row.tentatives, row.erreur) == ("en_attente", number, "DEPENDANCE_INDISPONIBLE")
        assert row.prochain_essai == now + wait
        await worked(mesh, now + wait - timedelta(seconds=1))
        assert (await row_of(mesh, contrat)).tentatives == number
        now += wait
    await worked(mesh, now)
    row = await row_of(mesh, contrat)
    assert (row.etat, row.tentatives, row.erreur) == ("fait", 4, None)
    assert (await archive(archives, contrat)).deja_archive


async def test_R12_after_six_attempts_it_is_given_up(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With an error in the log; ArchiverContrat makes an attempt at once, and lets the job begin anew."""
    contrat = contrats.add(org)
    await mesh.deliver(signature_of(contrat))
    now = clock.now()
    contrats.failures += [PermissionDenied() for _ in range(7)]
    for wait in (*WAITS, timedelta(0)):
        await worked(mesh, now)
        now += wait
    row = await row_of(mesh, contrat)
    assert (row.etat, row.tentatives, row.prochain_essai) == ("echec", 6, None)
    assert [one.levelno for one in caplog.records if contrat.id in one.getMessage()][-1] == logging.ERROR
    await worked(mesh, now + timedelta(days=1))
    assert (await row_of(mesh, contrat)).tentatives == 6
    assert (await refusal(archive(archives, contrat))).code == StatusCode.UNAVAILABLE
    row = await row_of(mesh, contrat)
    assert (row.etat, row.tentatives) == ("en_attente", 1)
    assert not (await archive(archives, contrat)).deja_archive
    assert (await row_of(mesh, contrat)).etat == "fait"


async def test_R12_an_attempt_that_ends_its_process_is_made_again(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """An attempt is counted when it begins, and the next one is due without anybody's help."""
    contrat = contrats.add(org)
    await mesh.deliver(signature_of(contrat))
    contrats.may_answer.clear()
    now = clock.now()
    with clock.frozen_at(now):
        killed = asyncio.create_task(archive_due(app_of(mesh)))
        await eventually(lambda: (contrat.id, "service:documents") in contrats.asked)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
    row = await row_of(mesh, contrat)
    assert (row.etat, row.tentatives, row.prochain_essai) == ("en_attente", 1, now + WAITS[0])
    contrats.may_answer.set()
    await worked(mesh, now + WAITS[0])
    assert (await row_of(mesh, contrat)).etat == "fait"
    assert (await archive(archives, contrat)).deja_archive


async def test_R14_a_process_that_was_killed_leaves_one_archive(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """Before its content was visible, or after that and before its row was done."""
    contrat, database = contrats.add(org), mesh.database("documents")
    await mesh.deliver(signature_of(contrat))
    await worked(mesh)
    first = await archives.GetArchiveContrat(pb.GetArchiveContratRequest(contrat_id=contrat.id))
    async with database.transaction() as tx:
        row = await tx.get(ArchiveAFaire, (org, contrat.id))
        piece = await tx.get(PieceJointe, first.id)
        assert row is not None
        assert piece is not None
        await tx.update(row, etat="en_attente", prochain_essai=clock.now())
        half = {"id": uuid7(), "cle_stockage": f"{org}/half", "etat": "en_cours", "categorie": "GENERAL"}
        names = {one.name for one in fields(PieceJointe) if one.init}
        values = {name: value for name, value in vars(piece).items() if name in names}
        await tx.insert(PieceJointe(**{**values, **half}))
    await worked(mesh)
    assert (await row_of(mesh, contrat)).etat == "fait"
    assert await archives.GetArchiveContrat(pb.GetArchiveContratRequest(contrat_id=contrat.id)) == first


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "not signed"])
async def test_R15_what_cannot_be_archived_is_given_up_at_once(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str, known: bool
) -> None:
    """A contract that contrats does not know, or that nobody has signed."""
    contrat = contrats.add(org, date_signature=Timestamp())
    details = contrats.contrats[contrat.id]
    details.contrat.ClearField("date_signature")
    if not known:
        del contrats.contrats[contrat.id]
    await mesh.deliver(signature_of(contrat))
    await worked(mesh)
    reason = "CONTRAT_NON_SIGNE" if known else "INTROUVABLE"
    row = await row_of(mesh, contrat)
    assert (row.etat, row.tentatives, row.erreur) == ("echec", 1, reason)
    code = StatusCode.FAILED_PRECONDITION if known else StatusCode.NOT_FOUND
    assert await refused(archive(archives, contrat)) == (code, reason)
    assert await pieces_of(mesh, org) == 0


async def test_R13_a_signed_document_of_ours_is_copied(
    pieces: PieceJointeServiceStub, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """Under the name of the contract, with the extension of the file; the original may go afterwards."""
    scan = await created(pieces, nom_fichier="scan.pdf", contenu=PDF)
    piece = (await archive(archives, contrats.add(org, document_url=f"documents:{scan.id}"))).piece
    assert (piece.nom_fichier, piece.sha256) == ("contrat-CTR-2026-000001.pdf", sha256_of(PDF))
    assert (await pieces.Delete(pb.DeletePieceJointeRequest(id=scan.id))).success
    assert (await downloaded(pieces, piece.id))[1] == [PDF]


async def test_R13_a_signed_document_of_another_organisation_is_not_copied(
    stranger: Member, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """Nor one that is gone: a PDF is made."""
    foreign = await created(stranger(PieceJointeServiceStub), nom_fichier="scan.pdf", contenu=PDF)
    for url in (f"documents:{foreign.id}", f"documents:{uuid7()}", "documents:", "https://exemple.fr/a.pdf"):
        piece = (await archive(archives, contrats.add(org, document_url=url))).piece
        assert piece.sha256 != sha256_of(PDF)


async def test_R12_users_file_nothing_as_an_archive(pieces: PieceJointeServiceStub, org: str) -> None:
    """Neither by an upload nor by an update."""
    assert (await refusal(created(pieces, categorie="CONTRAT_SIGNE"))).reason == "CATEGORIE_RESERVEE"
    piece = await created(pieces)
    changing = pieces.Update(pb.UpdatePieceJointeRequest(id=piece.id, categorie="CONTRAT_SIGNE"))
    assert (await refusal(changing)).reason == "CATEGORIE_RESERVEE"


async def test_C6_an_archive_belongs_to_its_organisation(
    stranger: Member, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """For another one it does not exist."""
    contrat = contrats.add(org)
    piece = (await archive(archives, contrat)).piece
    asking = stranger(ArchiveServiceStub).GetArchiveContrat(
        pb.GetArchiveContratRequest(contrat_id=contrat.id)
    )
    assert (await refusal(asking)).reason == "INTROUVABLE"
    foreign = stranger(PieceJointeServiceStub)
    for call in (
        foreign.Get(pb.GetPieceJointeRequest(id=piece.id)),
        downloaded(foreign, piece.id),
        foreign.GenererLien(pb.GenererLienRequest(id=piece.id)),
        foreign.VerifierIntegrite(pb.VerifierIntegriteRequest(id=piece.id)),
    ):
        assert (await refusal(call)).code == StatusCode.NOT_FOUND
