"""Mails that carry the PDF of an invoice (R25), from a real factures service to a real SMTP server."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from db_utils import uuid7
from service_email.attempts import WAITS
from service_email.queue import LEASE
from service_email.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.smtp import SmtpServer, smtp_server
from tests.courrier import smtp_settings
from tests.factures_jointes import Facturation
from tests.killing import worker_killed_at

_LAST = sum(WAITS, timedelta())  # from the storing to the last attempt


@pytest.fixture(scope="module")
def post() -> Iterator[SmtpServer]:
    """The SMTP server of the mesh."""
    with smtp_server() as server:
        yield server


@pytest.fixture(scope="module")
async def billing(post: SmtpServer) -> AsyncIterator[Mesh]:
    """Email without its worker amid those that an invoice takes."""
    known = map(service_named, ("clients", "contrats", "factures", "notifications", "organisations"))
    email = replace(SERVICE, workers=())
    async with running(email, *known, user_sync_enabled=False, **smtp_settings(post)) as mesh:
        yield mesh


@pytest.fixture
async def facturation(billing: Mesh, post: SmtpServer, org: str) -> Facturation:
    """An organisation of which factures knows all; the server has seen nothing yet."""
    post.forget()
    facturation = Facturation(billing, org)
    await facturation.found()
    await facturation.identify()
    return facturation


async def test_R25_the_mail_carries_the_pdf_of_the_invoice(
    facturation: Facturation, post: SmtpServer
) -> None:
    """The bytes that factures gives, under their name; a person sees name and size, never the bytes."""
    facture = await facturation.issued()
    await facturation.deliver()
    (mail,) = post.mails
    (piece,) = mail.message.iter_attachments()
    given = await facturation.download(facture)
    assert piece.get_content() == given.content
    assert (piece.get_filename(), piece.get_content_type()) == (f"{facture.numero}.pdf", "application/pdf")
    assert f"Vous trouverez ci-joint votre facture {facture.numero}" in mail.body("plain")
    message = await facturation.message()
    (shown,) = message.pieces_jointes
    assert (shown.nom, shown.type_mime, shown.taille) == (
        f"{facture.numero}.pdf",
        "application/pdf",
        len(given.content),
    )
    assert (message.statut, given.content[:20] in message.SerializeToString()) == ("envoye", False)
    assert await facturation.contents() == 0


async def test_R25_five_announcements_are_one_mail_with_one_pdf(
    facturation: Facturation, post: SmtpServer
) -> None:
    """And one message."""
    facture = await facturation.issued()
    for _ in range(4):
        await facturation.announced(facture.id)
    await facturation.deliver()
    (mail,) = post.mails
    assert len(list(mail.message.iter_attachments())) == 1
    assert (await facturation.message()).statut == "envoye"


async def test_R25_a_mail_that_the_server_refuses_for_now_keeps_its_pdf(
    facturation: Facturation, post: SmtpServer
) -> None:
    """All attempts carry the same bytes, also when factures is away by then."""
    post.script("451 4.3.0 later")
    await facturation.issued()
    await facturation.deliver()
    assert await facturation.contents() == 1
    async with facturation.mesh.without("factures"):
        await facturation.deliver(WAITS[0])
    (mail,) = post.mails
    assert len(list(mail.message.iter_attachments())) == 1
    assert await facturation.contents() == 0


async def test_R25_while_factures_is_away_the_mail_waits(facturation: Facturation, post: SmtpServer) -> None:
    """A person reads why; once factures is back the mail goes with its PDF."""
    await facturation.issued()
    async with facturation.mesh.without("factures"):
        await facturation.deliver()
    message = await facturation.message()
    assert (message.statut, message.tentatives, post.mails) == ("en_file", 1, [])
    assert message.derniere_erreur == "La facture n'est pas encore disponible : DEPENDANCE_INDISPONIBLE"
    await facturation.found()
    await facturation.deliver(WAITS[0])
    (mail,) = post.mails
    assert len(list(mail.message.iter_attachments())) == 1
    assert (await facturation.message()).derniere_erreur == ""


async def test_R25_without_its_pdf_the_last_attempt_goes_with_the_link(
    billing: Mesh, post: SmtpServer, org: str
) -> None:
    """The seller is not known, so that factures has no document; the text speaks of none."""
    post.forget()
    facturation = Facturation(billing, org)
    await facturation.found()
    facture = await facturation.issued()
    waits = [sum(WAITS[:number], timedelta()) for number in range(len(WAITS))]
    for after in waits:
        await facturation.deliver(after)
        message = await facturation.message()
        assert (message.statut, post.mails) == ("en_file", [])
        assert (
            message.derniere_erreur
            == "La facture n'est pas encore disponible : IDENTITE_INCOMPLETE (SELLER,TVA,IBAN)"
        )
    await facturation.deliver(_LAST)
    (mail,) = post.mails
    assert list(mail.message.iter_attachments()) == []
    text = mail.body("plain")
    assert f"https://crm.exemple.fr/factures/{facture.id}" in text
    assert "ci-joint" not in text
    message = await facturation.message()
    assert (message.statut, message.derniere_erreur, list(message.pieces_jointes)) == (
        "envoye",
        "Envoyé sans la facture en pièce jointe : IDENTITE_INCOMPLETE (SELLER,TVA,IBAN)",
        [],
    )


async def test_R25_an_invoice_that_factures_does_not_have_is_not_waited_for(
    facturation: Facturation, post: SmtpServer
) -> None:
    """Its mail goes at once, with the link."""
    await facturation.announced(str(uuid7()))
    await facturation.deliver()
    (mail,) = post.mails
    assert ("ci-joint" in mail.body("plain"), list(mail.message.iter_attachments())) == (False, [])
    assert (await facturation.message()).derniere_erreur == (
        "Envoyé sans la facture en pièce jointe : INTROUVABLE"
    )


@pytest.mark.parametrize("place", ["after_attach", "before_send"])
async def test_R25_a_worker_killed_before_the_mail_leaves_makes_one_mail(
    facturation: Facturation, post: SmtpServer, place: str
) -> None:
    """Its attachment is stored: the next worker needs no factures."""
    await facturation.issued()
    mesh = facturation.mesh
    await worker_killed_at(place, mesh, post, "factures")
    assert (post.mails, await facturation.contents()) == ([], 1)
    async with mesh.without("factures"):
        await facturation.deliver(LEASE + timedelta(minutes=1))
    (mail,) = post.mails
    assert len(list(mail.message.iter_attachments())) == 1
    message = await facturation.message()
    assert (message.statut, message.tentatives, await facturation.contents()) == ("envoye", 2, 0)
