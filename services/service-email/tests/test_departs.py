"""Where mails leave from (R6): which mailbox is chosen, its signature, and what its server says."""

from datetime import timedelta
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from grpc import StatusCode
from service_email.departs import Depart
from service_testing import eventually, refused
from service_testing.smtp import SmtpServer
from tests.secretariat import LOGIN, Bureau


def deactivated(boite: pb.BoiteMail) -> pb.UpdateBoiteMailRequest:
    """The request that switches a mailbox off."""
    return pb.UpdateBoiteMailRequest(id=boite.id, actif=False)


async def test_R06_a_mail_leaves_by_the_mailbox_that_it_names(
    bureau: Bureau, smtp: SmtpServer, poste: SmtpServer
) -> None:
    """Logged in there, under its address in headers and envelope; the platform's server sees nothing."""
    boite = await bureau.boite(poste)
    sent = await bureau.send(boite_mail_id=boite.id)
    assert (sent.boite_mail_id, sent.de) == (boite.id, LOGIN[0])
    assert sent.message_id.endswith("@exemple.fr>")
    await bureau.deliver()
    (mail,) = poste.mails
    assert (mail.sender, mail.message["From"], smtp.transactions) == (LOGIN[0], LOGIN[0], 0)
    assert (await bureau.message(sent)).statut == "envoye"


@pytest.mark.parametrize(
    ("known", "societe_id", "chosen"),
    [
        ((), "", "crm@exemple.fr"),
        (("org",), "", "org@exemple.fr"),
        (("org",), "soc-1", "org@exemple.fr"),
        (("org", "soc"), "soc-1", "soc@exemple.fr"),
        (("org", "soc"), "", "org@exemple.fr"),
        (("org", "soc", "moi"), "soc-1", "moi@exemple.fr"),
        (("org", "soc", "moi", "moi-soc"), "soc-1", "moi-soc@exemple.fr"),
        (("autrui",), "", "crm@exemple.fr"),
    ],
)
async def test_R06_the_default_is_the_callers_then_the_societes_then_the_organisations(
    bureau: Bureau, poste: SmtpServer, known: tuple[str, ...], societe_id: str, chosen: str
) -> None:
    """Without any of them it is the platform's; a mailbox of another user is never chosen."""
    owners: dict[str, dict[str, Any]] = {
        "org": {},
        "soc": {"societe_id": "soc-1"},
        "moi": {"utilisateur_id": bureau.user},
        "moi-soc": {"utilisateur_id": bureau.user, "societe_id": "soc-1"},
        "autrui": {"utilisateur_id": "user-2"},
    }
    await bureau.boite(poste, adresse_email="pas-par-defaut@exemple.fr")
    for one in known:
        owner = owners[one] | {"adresse_email": f"{one}@exemple.fr", "est_par_defaut": True}
        await bureau.boite(poste, **owner)
    sent = await bureau.send(societe_id=societe_id)
    assert sent.de.removeprefix("CRM <").removesuffix(">") == chosen


async def test_R06_the_mail_of_an_event_leaves_by_the_mailbox_of_its_societe(
    bureau: Bureau, poste: SmtpServer
) -> None:
    """Nobody's own mailbox is meant by an event."""
    await bureau.boite(poste, utilisateur_id=bureau.user, adresse_email="moi@exemple.fr", est_par_defaut=True)
    boite = await bureau.boite(poste, societe_id="soc-1", signature_texte="Élan SAS", est_par_defaut=True)
    event = ClientCreatedEvent(
        event_id=str(uuid7()),
        client_id="client-1",
        organisation_id=bureau.org,
        societe_id="soc-1",
        prenom="Jean",
        email="jean@exemple.fr",
    )
    await bureau.mesh.deliver(event)

    async def stored() -> list[pb.Message]:
        return list((await bureau.emails.List(pb.ListMessagesRequest())).messages)

    (listed,) = await eventually(stored)
    message = await bureau.message(listed)
    assert (message.boite_mail_id, message.corps_texte.endswith("Élan SAS")) == (boite.id, True)


async def test_R06_the_signature_stands_at_the_end_of_both_bodies(bureau: Bureau, poste: SmtpServer) -> None:
    """In HTML before the document closes; where one form is missing it is derived from the other."""
    boite = await bureau.boite(poste, signature_texte="Élan & Fils\r\nParis")
    page = "<html><body><p>Bonjour.</p></body></html>"
    sent = await bureau.send(boite_mail_id=boite.id, corps_html=page)
    assert sent.corps_texte == "Bonjour.\n\nÉlan & Fils\nParis"
    assert sent.corps_html == (
        "<html><body><p>Bonjour.</p><div>Élan &amp; Fils<br>\nParis</div>\n</body></html>"
    )


def test_R06_a_signature_in_html_alone_signs_texts_too() -> None:
    """A body that is not there gets none."""
    depart = Depart("a@b.fr", None, "Élan", "<b>Élan</b>")
    assert depart.html("<p>Bonjour.</p>") == "<p>Bonjour.</p><div><b>Élan</b></div>\n"
    assert (depart.texte("Bonjour."), depart.texte(None), depart.html(None)) == (
        "Bonjour.\n\nÉlan",
        None,
        None,
    )


async def test_R06_an_inactive_mailbox_takes_no_mail(bureau: Bureau, poste: SmtpServer) -> None:
    """Named, it is a refusal; as a former default it is passed by."""
    boite = await bureau.boite(poste, est_par_defaut=True)
    await bureau.boites.Update(deactivated(boite))
    named = bureau.emails.Send(bureau.request(boite_mail_id=boite.id))
    assert await refused(named) == (StatusCode.FAILED_PRECONDITION, "BOITE_INACTIVE")
    assert (await bureau.send()).boite_mail_id == ""


async def test_R09_a_repetition_is_answered_though_its_mailbox_is_off_by_then(
    bureau: Bureau, poste: SmtpServer
) -> None:
    """The same key and content get the first message, whatever has become of its mailbox (C21)."""
    boite = await bureau.boite(poste)
    sent = await bureau.send(boite_mail_id=boite.id, cle_idempotence="cle-1")
    await bureau.boites.Update(deactivated(boite))
    assert (await bureau.send(boite_mail_id=boite.id, cle_idempotence="cle-1")).id == sent.id
    other = bureau.request(boite_mail_id=boite.id, cle_idempotence="cle-1", sujet="Autre")
    assert (await refused(bureau.emails.Send(other)))[1] == "BOITE_INACTIVE"


async def test_R09_another_mailbox_is_another_content(bureau: Bureau, poste: SmtpServer) -> None:
    """Under the same key it is refused."""
    await bureau.send(cle_idempotence="cle-1")
    boite = await bureau.boite(poste)
    other = bureau.request(boite_mail_id=boite.id, cle_idempotence="cle-1")
    assert (await refused(bureau.emails.Send(other)))[1] == "CLE_IDEMPOTENCE_REUTILISEE"


async def test_R10_a_mail_waits_while_its_mailbox_is_off(bureau: Bureau, poste: SmtpServer) -> None:
    """Whoever switches it on again within the attempts loses nothing."""
    boite = await bureau.boite(poste)
    sent = await bureau.send(boite_mail_id=boite.id)
    await bureau.boites.Update(deactivated(boite))
    await bureau.deliver()
    assert await bureau.state(sent) == ("en_file", 1, "BOITE_INACTIVE")
    await bureau.boites.Update(pb.UpdateBoiteMailRequest(id=boite.id, actif=True))
    await bureau.deliver(timedelta(seconds=30))
    assert (await bureau.message(sent)).statut == "envoye"


async def test_R10_a_wrong_password_of_a_mailbox_is_echec(bureau: Bureau, poste: SmtpServer) -> None:
    """535 ends the message at once."""
    boite = await bureau.boite(poste, mot_de_passe="faux")
    sent = await bureau.send(boite_mail_id=boite.id)
    await bureau.deliver()
    assert (await bureau.state(sent))[:2] == ("echec", 1)
    assert poste.mails == []


async def test_R15_a_mailbox_in_our_network_sends_nothing(bureau: Bureau, poste: SmtpServer) -> None:
    """One that was allowed, or whose name has moved, is refused when the mail is to leave."""
    boite = await bureau.boite(poste)
    sent = await bureau.send(boite_mail_id=boite.id)
    await bureau.deliver(smtp_allow_private=False)
    assert await bureau.state(sent) == ("echec", 1, "ADRESSE_PRIVEE")
    assert poste.greetings == 0
