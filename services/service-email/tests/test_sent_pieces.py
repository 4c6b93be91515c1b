"""Attachments of Send and SendTemplate (R5): their bytes, or documents of a real documents service."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.documents.documents_pb2 import CreatePieceJointeRequest, DeletePieceJointeRequest, PieceJointe
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from crm.email import email_pb2 as pb
from grpc import StatusCode
from service_email import models
from service_email.new_pieces import LARGEST_INLINE
from service_email.pieces import LARGEST
from service_email.queue import LEASE
from service_email.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, eventually, refused, running
from service_testing.smtp import SmtpServer
from sqlalchemy import func, select
from tests.courrier import smtp_settings
from tests.killing import worker_killed_at
from tests.secretariat import Bureau

INVALID, MISSING = StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND
PDF = b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n"
_COUNT = select(func.count()).select_from(models.ContenuPiece)


def piece(**fields: Any) -> pb.NouvellePieceJointe:
    """A small attachment; *fields* replace the usual ones."""
    return pb.NouvellePieceJointe(**({"nom": "plan.txt", "contenu": b"plan"} | fields))


async def contents(bureau: Bureau) -> int:
    """The number of attachments of the organisation whose bytes are stored."""
    mine = _COUNT.where(models.ContenuPiece.organisation_id == bureau.org)
    count: int = await bureau.app.database.read().one(mine)
    return count


async def test_R05_what_comes_with_the_request_arrives(bureau: Bureau, smtp: SmtpServer) -> None:
    """In order, with names, types and bytes; a reader sees no byte, and none stays once the mail has left."""
    pieces = [piece(), piece(nom="../Été/Devis n°1.pdf", contenu=PDF), piece(nom="x", contenu=b"\x00\xff")]
    sent = await bureau.send(pieces_jointes=pieces)
    assert await contents(bureau) == 3
    await bureau.deliver()
    (mail,) = smtp.mails
    told = [(one.get_filename(), one.get_content_type()) for one in mail.message.iter_attachments()]
    assert told == [
        ("plan.txt", "text/plain"),
        ("Devis n°1.pdf", "application/pdf"),
        ("x", "application/octet-stream"),
    ]
    bytes_of = [one.get_payload(decode=True) for one in mail.message.iter_attachments()]
    assert bytes_of == [b"plan", PDF, b"\x00\xff"]
    message = await bureau.message(sent)
    assert [(one.nom, one.taille) for one in message.pieces_jointes] == [
        ("plan.txt", 4),
        ("Devis n°1.pdf", len(PDF)),
        ("x", 2),
    ]
    assert (message.statut, await contents(bureau)) == ("envoye", 0)


async def test_R05_a_failed_mail_keeps_its_attachments_for_another_sending(
    bureau: Bureau, smtp: SmtpServer
) -> None:
    """They arrive when it is sent again."""
    smtp.script("550 5.7.1 no")
    sent = await bureau.send(pieces_jointes=[piece()])
    await bureau.deliver()
    await bureau.emails.Renvoyer(pb.RenvoyerMessageRequest(id=sent.id))
    await bureau.deliver(timedelta(seconds=1))
    (mail,) = smtp.mails
    assert [one.get_payload(decode=True) for one in mail.message.iter_attachments()] == [b"plan"]


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([piece(nom="")], "CHAMP_REQUIS"),
        ([piece(nom="/")], "FORMAT_INVALIDE"),
        ([piece(contenu=b"")], "CHAMP_REQUIS"),
        ([piece(piece_jointe_id="doc-1")], "FORMAT_INVALIDE"),
        ([piece(contenu=b"", piece_jointe_id="doc 1")], "FORMAT_INVALIDE"),
        ([piece(type_mime="pdf")], "FORMAT_INVALIDE"),
        ([piece(type_mime="text/html\r\nX-A: b")], "FORMAT_INVALIDE"),
        ([piece(type_mime="multipart/mixed")], "FORMAT_INVALIDE"),
        ([piece(type_mime="message/rfc822")], "FORMAT_INVALIDE"),
        ([piece(type_mime="a/" + "b" * 130)], "TROP_LONG"),
        ([piece()] * 11, "TROP_D_ENTREES"),
        ([piece(contenu=bytes(LARGEST_INLINE // 2)), piece(contenu=bytes(LARGEST_INLINE // 2 + 1))], None),
    ],
)
async def test_R05_what_cannot_be_attached_is_refused(
    bureau: Bureau, pieces: list[pb.NouvellePieceJointe], reason: str | None
) -> None:
    """With its place among the attachments, and nothing is stored."""
    asked = bureau.emails.Send(bureau.request(pieces_jointes=pieces))
    assert await refused(asked) == (INVALID, reason or "PIECES_TROP_VOLUMINEUSES")
    assert not (await bureau.emails.List(pb.ListMessagesRequest())).messages


async def test_R05_two_mebibytes_come_with_a_request(bureau: Bureau, smtp: SmtpServer) -> None:
    """Not a byte more."""
    half = bytes(LARGEST_INLINE // 2)
    sent = await bureau.send(pieces_jointes=[piece(contenu=half), piece(contenu=half)])
    await bureau.deliver()
    assert (await bureau.message(sent)).statut == "envoye"


async def test_R09_another_attachment_is_another_content(bureau: Bureau) -> None:
    """Under one key; the same one, named the same way, is answered with the first message."""
    key = {"cle_idempotence": "cle-1"}
    sent = await bureau.send(**key, pieces_jointes=[piece()])
    assert (await bureau.send(**key, pieces_jointes=[piece(nom=" a/plan.txt ")])).id == sent.id
    for other in ([], [piece(contenu=b"autre")], [piece(nom="b.txt")], [piece(), piece()]):
        call = bureau.emails.Send(bureau.request(**key, pieces_jointes=other))
        assert await refused(call) == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
    assert await contents(bureau) == 1


@pytest.fixture(scope="module")
async def archive(_smtp_of_steps: SmtpServer) -> AsyncIterator[Mesh]:
    """Email without its worker beside documents and those that documents asks."""
    known = map(service_named, ("clients", "organisations", "documents"))
    email = replace(SERVICE, workers=())
    settings = smtp_settings(_smtp_of_steps)
    async with running(email, *known, user_sync_enabled=False, **settings) as mesh:
        yield mesh


class Fonds:
    """An organisation with documents, and its mails."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self.mesh, self.bureau = mesh, Bureau(mesh, org)
        self.pieces = mesh.stub(PieceJointeServiceStub, organisation=org)

    async def kept(self, contenu: bytes = PDF, nom: str = "devis.pdf") -> PieceJointe:
        """A new document."""
        request = CreatePieceJointeRequest(
            nom_fichier=nom, entite_type="AUTRE", entite_id="a-1", contenu=contenu
        )
        return await self.pieces.Create(request)

    async def found(self) -> None:
        """Wait until email reaches documents, which may have been away."""
        await eventually(lambda: self.bureau.app.peers.serving("documents"))


@pytest.fixture
async def fonds(archive: Mesh, smtp: SmtpServer, org: str) -> Fonds:
    """An organisation of `archive`; its server has seen nothing yet."""
    fonds = Fonds(archive, org)
    await fonds.found()
    return fonds


def by_id(document: PieceJointe, **fields: Any) -> pb.NouvellePieceJointe:
    """The attachment that is a document."""
    return pb.NouvellePieceJointe(piece_jointe_id=document.id, **fields)


async def test_R05_a_document_is_fetched_when_the_mail_leaves(fonds: Fonds, smtp: SmtpServer) -> None:
    """Under its own name or the one that is asked for, beside what came with the request."""
    document = await fonds.kept()
    pieces = [by_id(document), piece(), by_id(document, nom="Votre devis.pdf")]
    sent = await fonds.bureau.send(pieces_jointes=pieces)
    assert await contents(fonds.bureau) == 1
    assert [(one.nom, one.taille, one.piece_jointe_id) for one in sent.pieces_jointes] == [
        ("devis.pdf", len(PDF), document.id),
        ("plan.txt", 4, ""),
        ("Votre devis.pdf", len(PDF), document.id),
    ]
    await fonds.bureau.deliver()
    (mail,) = smtp.mails
    got = [(one.get_filename(), one.get_payload(decode=True)) for one in mail.message.iter_attachments()]
    assert got == [("devis.pdf", PDF), ("plan.txt", b"plan"), ("Votre devis.pdf", PDF)]


async def test_R05_a_document_of_others_does_not_exist(fonds: Fonds) -> None:
    """NOT_FOUND at once, with the field."""
    foreign = Fonds(fonds.mesh, f"{fonds.bureau.org}-autre")
    request = fonds.bureau.request(pieces_jointes=[by_id(await foreign.kept())])
    assert await refused(fonds.bureau.emails.Send(request)) == (MISSING, "INTROUVABLE")


async def test_R10_while_documents_is_away_the_mail_waits(fonds: Fonds, smtp: SmtpServer) -> None:
    """It is stored all the same, and leaves with its document once documents is back."""
    document = await fonds.kept()
    async with fonds.mesh.without("documents"):
        sent = await fonds.bureau.send(pieces_jointes=[by_id(document)])
        await fonds.bureau.deliver()
    statut, tentatives, erreur = await fonds.bureau.state(sent)
    assert (statut, tentatives) == ("en_file", 1)
    assert erreur.startswith("Un document n'est pas encore disponible : ")
    await fonds.found()
    await fonds.bureau.deliver(timedelta(seconds=30))
    (mail,) = smtp.mails
    (attached,) = mail.message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("devis.pdf", "application/pdf")


async def test_R05_all_attempts_carry_the_same_document(fonds: Fonds, smtp: SmtpServer) -> None:
    """Also when it is deleted between two of them."""
    smtp.script("451 4.3.0 later")
    document = await fonds.kept()
    sent = await fonds.bureau.send(pieces_jointes=[by_id(document)])
    await fonds.bureau.deliver()
    await fonds.pieces.Delete(DeletePieceJointeRequest(id=document.id))
    await fonds.bureau.deliver(timedelta(seconds=30))
    (mail,) = smtp.mails
    (attached,) = mail.message.iter_attachments()
    assert (attached.get_filename(), attached.get_payload(decode=True)) == (document.nom_fichier, PDF)
    assert (await fonds.bureau.message(sent)).statut == "envoye"


async def test_R05_a_document_that_is_gone_ends_the_mail(fonds: Fonds, smtp: SmtpServer) -> None:
    """One attempt, and a person reads which one is missing."""
    document = await fonds.kept()
    sent = await fonds.bureau.send(pieces_jointes=[by_id(document)])
    await fonds.pieces.Delete(DeletePieceJointeRequest(id=document.id))
    await fonds.bureau.deliver()
    assert await fonds.bureau.state(sent) == ("echec", 1, f"INTROUVABLE : {document.id}")


async def test_R05_ten_mebibytes_are_the_most_that_a_mail_carries(fonds: Fonds, smtp: SmtpServer) -> None:
    """What is more ends the mail at once, and is not stored."""
    large = PDF + bytes(LARGEST // 4)
    document = await fonds.kept(large)
    sent = await fonds.bureau.send(pieces_jointes=[by_id(document)] * 4)
    await fonds.bureau.deliver()
    assert await fonds.bureau.state(sent) == ("echec", 1, "TROP_VOLUMINEUX")
    assert (smtp.transactions, await contents(fonds.bureau)) == (0, 0)
    fitting = await fonds.bureau.send(pieces_jointes=[by_id(document)] * 3)
    await fonds.bureau.deliver()
    assert (await fonds.bureau.message(fitting)).statut == "envoye"


@pytest.mark.parametrize("place", ["after_attach", "before_send"])
async def test_R10_a_worker_killed_after_the_fetching_makes_one_mail(
    fonds: Fonds, smtp: SmtpServer, place: str
) -> None:
    """The next one needs no documents."""
    sent = await fonds.bureau.send(pieces_jointes=[by_id(await fonds.kept())])
    mesh = fonds.mesh
    await worker_killed_at(place, mesh, smtp, "documents")
    assert (smtp.mails, await contents(fonds.bureau)) == ([], 1)
    async with mesh.without("documents"):
        await fonds.bureau.deliver(LEASE + timedelta(minutes=1))
    (mail,) = smtp.mails
    assert len(list(mail.message.iter_attachments())) == 1
    assert (await fonds.bureau.state(sent))[:2] == ("envoye", 2)
