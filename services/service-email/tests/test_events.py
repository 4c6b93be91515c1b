"""Effects of client.created, from the client's creation to the mail."""

from pathlib import Path
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from nats_utils.tables import DeadLetter
from service_clients.service import SERVICE as CLIENTS
from service_email.models import Message, Modele
from service_email.service import SERVICE as EMAIL
from service_testing import Mesh, eventually, running
from service_testing.smtp import smtp_server
from sqlalchemy import delete, func, select
from tests.courrier import mails_in, only_message, publish_and_wait_until_it_is_held

_MESSAGES = select(func.count()).select_from(Message)
_LETTERS = select(DeadLetter.error)


@pytest.fixture
def emails(town: Mesh, org: str) -> EmailServiceStub:
    """A stub that reads the messages of the organisation."""
    return town.stub(EmailServiceStub, organisation=org)


def created(org: str, **fields: str) -> ClientCreatedEvent:
    """An announcement of a new client; *fields* replace the usual ones."""
    usual: dict[str, Any] = {
        "client_id": "client-123",
        "nom": "Dupont",
        "prenom": "Jean",
        "email": "jean@exemple.fr",
    }
    return ClientCreatedEvent(event_id=str(uuid7()), organisation_id=org, **{**usual, **fields})


async def test_R21_a_new_client_gets_one_welcome_mail_in_the_folder(
    town: Mesh, emails: EmailServiceStub, org: str, folder: Path
) -> None:
    """Create at the clients service leads to one readable .eml file."""
    clients = town.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(
        clients_pb2.CreateClientBaseRequest(nom="Dupont", prenom="Jean", email="jean@exemple.fr")
    )
    message = await only_message(emails, "envoye")
    assert (message.sujet, message.modele_code, message.origine, message.cle_idempotence) == (
        "Bienvenue Jean",
        "BIENVENUE_CLIENT",
        "client.created",
        f"client.created:{client.id}",
    )
    content = (folder / f"{message.id}.eml").read_text()
    assert "To: Jean Dupont <jean@exemple.fr>" in content
    assert "Auto-Submitted: auto-generated" in content
    assert "Bonjour Jean Dupont," in content


async def test_R21_a_new_client_gets_one_welcome_mail_by_smtp(org: str) -> None:
    """A new client makes one SMTP transaction, to his address."""
    with smtp_server() as smtp:
        settings: dict[str, Any] = {
            "smtp_host": smtp.host,
            "smtp_port": smtp.port,
            "smtp_from": "crm@exemple.fr",
        }
        async with running(CLIENTS, EMAIL, smtp_securite="aucune", **settings) as mesh:
            clients = mesh.stub(ClientBaseServiceStub, organisation=org)
            await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Roy", email="lea@exemple.fr"))
            message = await only_message(mesh.stub(EmailServiceStub, organisation=org), "envoye")
        (mail,) = smtp.mails
    assert (mail.recipients, mail.message["Subject"]) == (("lea@exemple.fr",), "Bienvenue")
    assert (mail.message["Message-ID"], smtp.transactions) == (message.message_id, 1)
    assert mail.body("plain").startswith("Bonjour Roy,")


async def test_R21_five_deliveries_of_an_event_are_one_mail(
    town: Mesh, emails: EmailServiceStub, org: str, folder: Path
) -> None:
    """Five deliveries of one event write one mail."""
    before = mails_in(folder)
    await town.deliver(created(org), times=5)
    message = await only_message(emails, "envoye")
    assert mails_in(folder) - before == {f"{message.id}.eml"}


async def test_R21_two_events_of_one_client_are_one_mail(
    town: Mesh, emails: EmailServiceStub, org: str
) -> None:
    """The first event of a client makes the mail; another client of the same name gets his own."""
    await town.deliver(created(org))
    await town.deliver(created(org, prenom="Jeanne"))
    assert (await only_message(emails, "envoye")).sujet == "Bienvenue Jean"
    await town.deliver(created(org, client_id="client-124"))
    assert len((await emails.List(pb.ListMessagesRequest())).messages) == 2


async def test_R09_an_event_whose_key_is_taken_stores_nothing(
    town: Mesh, emails: EmailServiceStub, org: str
) -> None:
    """The message with the key stays the only one, and the event is no dead letter."""
    event = created(org)
    await emails.Send(
        pb.SendRequest(
            a=[pb.Destinataire(email="lea@exemple.fr")],
            sujet="Bonjour",
            corps_texte="Bonjour.",
            cle_idempotence=f"client.created:{event.client_id}",
        )
    )
    await town.deliver(event)
    assert (await only_message(emails, "envoye")).sujet == "Bonjour"


async def test_R21_a_client_without_an_address_is_noted_and_gets_no_mail(
    town: Mesh, emails: EmailServiceStub, org: str, folder: Path
) -> None:
    """The message is stored with statut ignore and the reason; no mail is written."""
    before = mails_in(folder)
    await town.deliver(created(org, email=""))
    message = await only_message(emails, "ignore")
    assert (list(message.a), message.tentatives, message.HasField("prochain_essai")) == ([], 0, False)
    assert message.derniere_erreur == "Le client n'a pas d'adresse e-mail."
    assert mails_in(folder) == before


async def test_R08_a_client_named_script_is_escaped(town: Mesh, emails: EmailServiceStub, org: str) -> None:
    """The name is escaped in HTML and unchanged in the text and the subject."""
    await town.deliver(created(org, nom="<script>alert(1)</script>", prenom="O'Neil\r\nBcc: z@y.fr"))
    message = await only_message(emails, "envoye")
    assert "<script>" not in message.corps_html
    assert "&lt;script&gt;alert(1)" in message.corps_html
    assert "<script>alert(1)" in message.corps_texte
    assert message.sujet == "Bienvenue O'Neil Bcc: z@y.fr"


async def test_R08_the_organisations_template_hides_the_systems(
    town: Mesh, emails: EmailServiceStub, org: str
) -> None:
    """A template of the organisation with the same code and language is used instead."""
    own = Modele(
        organisation_id=org,
        code="BIENVENUE_CLIENT",
        langue="fr",
        sujet="Chez nous, {{ prenom }}",
        corps_html="<p>{{ nom }}</p>",
        variables=["prenom", "nom"],
    )
    async with town.database("email").transaction() as tx:
        await tx.insert(own)
    await town.deliver(created(org))
    message = await only_message(emails, "envoye")
    assert (message.sujet, message.corps_html, message.corps_texte) == (
        "Chez nous, Jean",
        "<p>Dupont</p>",
        "",
    )


async def _unwelcomed(town: Mesh, emails: EmailServiceStub, org: str) -> str:
    """Create a client about whom no message is stored; return his id."""
    clients = town.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont"))
    await only_message(emails, "ignore")
    async with town.database("email").transaction() as tx:
        await tx.execute(delete(Message).where(Message.organisation_id == org))
    return client.id


async def test_R21_an_event_without_organisation_is_completed_by_clients(
    town: Mesh, emails: EmailServiceStub, org: str
) -> None:
    """An event of an outside publisher may name the client alone."""
    client_id = await _unwelcomed(town, emails, org)
    await town.deliver(created("", client_id=client_id, email="jean@exemple.fr"))

    async def welcomed() -> bool:
        page = await emails.List(pb.ListMessagesRequest(statut="envoye"))
        return [message.sujet for message in page.messages] == ["Bienvenue Jean"]

    await eventually(welcomed)


@pytest.mark.parametrize("client_id", ["client-123", "01a1fb7d-0b21-7000-91e3-60dc3aa0d982"])
async def test_R21_an_event_of_nobody_is_acknowledged_without_effect(town: Mesh, client_id: str) -> None:
    """An event without organisation about an unknown client leaves nothing, not even a dead letter."""
    reader = town.database("email").read()
    before = await reader.one(_MESSAGES), await reader.all(_LETTERS)
    await town.deliver(created("", client_id=client_id))
    assert (await reader.one(_MESSAGES), await reader.all(_LETTERS)) == before


async def test_R21_while_clients_is_away_the_event_waits(
    town: Mesh, emails: EmailServiceStub, org: str
) -> None:
    """The event is neither acknowledged nor given up; it takes effect once clients answers."""
    event = created("", client_id=await _unwelcomed(town, emails, org))
    async with town.without("clients"):
        await publish_and_wait_until_it_is_held(town, event, "client-created")
    await town.deliver(event)

    async def welcomed() -> bool:
        page = await emails.List(pb.ListMessagesRequest(statut="envoye"))
        return len(page.messages) == 1

    await eventually(welcomed)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"email": "jean"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"nom": "\x00"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"prenom": "x" * 300}, "TextTooLong: sujet"),
    ],
)
async def test_R21_an_event_that_can_make_no_mail_is_a_dead_letter(
    town: Mesh, org: str, fields: dict[str, str], error: str
) -> None:
    """An event that no attempt could turn into a mail is not tried again."""
    await town.deliver(created(org, **fields))
    reader = town.database("email").read()
    assert await reader.all(_LETTERS.where(DeadLetter.payload.contains(org.encode()))) == [error]
