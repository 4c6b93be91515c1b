"""SendWelcome (R23): one mail for each new user, in the name of the platform."""

import asyncio
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from db_utils import uuid7
from grpc import StatusCode
from service_email.delivery import deliver
from service_email.settings import EmailSettings
from service_kit import App
from service_testing import Mesh, refusal, refused
from service_testing.smtp import SmtpServer


@pytest.fixture
def inside(mesh: Mesh) -> EmailServiceStub:
    """A stub of the email service for another service."""
    return mesh.service_stub(EmailServiceStub, caller="email")


def welcome(**changes: str) -> pb.SendWelcomeRequest:
    """A request to welcome somebody new; *changes* replace the usual fields."""
    somebody = {"utilisateur_id": str(uuid7()), "email": "jeanne@exemple.fr", "prenom": "Jeanne"}
    return pb.SendWelcomeRequest(**(somebody | changes))


async def test_R23_a_new_user_is_welcomed(inside: EmailServiceStub) -> None:
    """The mail greets by name and links the application; it belongs to no organisation."""
    message = await inside.SendWelcome(welcome(nom="Martin"))
    assert (message.sujet, message.modele_code) == ("Votre accès au CRM", "BIENVENUE_UTILISATEUR")
    assert (message.origine, message.a[0].email, message.a[0].nom) == (
        "bienvenue",
        "jeanne@exemple.fr",
        "Jeanne Martin",
    )
    assert "Bonjour Jeanne Martin," in message.corps_texte
    assert "https://crm.exemple.fr" in message.corps_texte
    assert '<a href="https://crm.exemple.fr">' in message.corps_html


def _app(steps: Mesh) -> App[EmailSettings]:
    app: Any = steps["email"].app
    return app  # type: ignore[no-any-return]


async def test_R23_a_welcome_mail_is_sent(steps: Mesh, smtp: SmtpServer) -> None:
    """The worker delivers the mail as any other."""
    emails = steps.service_stub(EmailServiceStub, caller="email")
    await emails.SendWelcome(welcome())
    await deliver(_app(steps))
    (mail,) = smtp.mails
    assert mail.recipients == ("jeanne@exemple.fr",)


async def test_R23_a_user_is_welcomed_once(inside: EmailServiceStub) -> None:
    """Five calls at once are answered with one message."""
    request = welcome()
    messages = await asyncio.gather(*(inside.SendWelcome(request) for _ in range(5)))
    assert len({message.id for message in messages}) == 1


async def test_R23_each_user_has_a_mail_of_his_own(inside: EmailServiceStub) -> None:
    """The key of the mail names the user."""
    requests = [welcome(), welcome()]
    keys = [(await inside.SendWelcome(request)).cle_idempotence for request in requests]
    assert keys == [f"bienvenue:{request.utilisateur_id}" for request in requests]


async def test_R23_a_repeated_call_in_other_words_gets_the_first_mail(steps: Mesh) -> None:
    """A user who has a new name meanwhile is not welcomed again; nothing is sent between the calls."""
    emails = steps.service_stub(EmailServiceStub, caller="email")
    request = welcome()
    first = await emails.SendWelcome(request)
    request.prenom = "Jeannette"
    assert await emails.SendWelcome(request) == first


async def test_R23_a_call_that_names_an_organisation_is_answered_alike(mesh: Mesh, org: str) -> None:
    """The organisation of the calling service changes nothing: the mail is the platform's."""
    request = welcome()
    theirs = mesh.service_stub(EmailServiceStub, caller="email", organisation=org)
    assert (await theirs.SendWelcome(request)).id == (await theirs.SendWelcome(request)).id


async def test_R23_a_key_of_a_tenant_does_not_keep_the_mail_away(
    inside: EmailServiceStub, emails: EmailServiceStub
) -> None:
    """A message of an organisation under the same key does not stand in the way."""
    request = welcome()
    theirs = await emails.Send(
        pb.SendRequest(
            a=[pb.Destinataire(email="luc@exemple.fr")],
            sujet="Bonjour",
            corps_texte="Bonjour",
            cle_idempotence=f"bienvenue:{request.utilisateur_id}",
        )
    )
    assert (await inside.SendWelcome(request)).id != theirs.id
    assert (await inside.SendWelcome(request)).a[0].email == "jeanne@exemple.fr"


async def test_R23_no_user_reads_it(inside: EmailServiceStub, emails: EmailServiceStub) -> None:
    """Get by id is NOT_FOUND for a user."""
    message = await inside.SendWelcome(welcome())
    assert await refused(emails.Get(pb.GetMessageRequest(id=message.id))) == (
        StatusCode.NOT_FOUND,
        "INTROUVABLE",
    )


@pytest.mark.parametrize(
    ("changes", "reason", "champ"),
    [
        ({"utilisateur_id": ""}, "CHAMP_REQUIS", "utilisateur_id"),
        ({"email": ""}, "CHAMP_REQUIS", "email"),
        ({"email": "jeanne"}, "FORMAT_INVALIDE", "email"),
        ({"prenom": "Jeanne\nBcc: x@y.fr"}, "ENTETE_INTERDIT", "prenom"),
        ({"nom": "x" * 256}, "TROP_LONG", "nom"),
        ({"utilisateur_id": "x" * 65}, "FORMAT_INVALIDE", "utilisateur_id"),
    ],
)
async def test_R23_what_is_refused(
    inside: EmailServiceStub, changes: dict[str, str], reason: str, champ: str
) -> None:
    """Each refusal is INVALID_ARGUMENT and names the field."""
    told = await refusal(inside.SendWelcome(welcome(**changes)))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
