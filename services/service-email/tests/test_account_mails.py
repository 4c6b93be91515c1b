"""SendAccountMail (R20): mails of the platform to persons, about their accounts."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from service_email.delivery import deliver
from service_testing import Mesh, refusal, refused
from service_testing.smtp import SmtpServer

JETON = "k3Zb-_9x7vJtR2mQ4nW8sY1uE6aL0cDfGhIjKlMnOpQ"
ALREADY = (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


@pytest.fixture
def users(mesh: Mesh) -> EmailServiceStub:
    """A stub of the email service for another service."""
    return mesh.service_stub(EmailServiceStub, caller="email")


def asked(cle: str, modele_code: str = "CONFIRMATION_ADRESSE", **changes: Any) -> pb.SendAccountMailRequest:
    """A request to write to Victoire about her account; *changes* replace the usual fields."""
    usual: dict[str, Any] = {
        "utilisateur_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "email": "victoire@exemple.fr",
        "prenom": "Victoire",
        "cle_idempotence": cle,
    }
    if modele_code == "CONFIRMATION_ADRESSE":
        expire_le = Timestamp()
        expire_le.FromDatetime(datetime(2026, 3, 31, 12, 5, tzinfo=UTC))
        usual |= {"jeton": JETON, "expire_le": expire_le}
    return pb.SendAccountMailRequest(modele_code=modele_code, **(usual | changes))


async def test_R20_an_address_is_confirmed_by_a_link(users: EmailServiceStub) -> None:
    """The token stands in the fragment of the link; the end of its life is told in the time of Paris."""
    message = await users.SendAccountMail(asked("lien-1"))
    link = f"https://crm.exemple.fr/confirmer-adresse#jeton={JETON}"
    assert (message.sujet, message.origine, message.modele_code, message.a[0].email) == (
        "Confirmez votre adresse",
        "compte",
        "CONFIRMATION_ADRESSE",
        "victoire@exemple.fr",
    )
    for corps in (message.corps_texte, message.corps_html):
        assert link in corps
        assert "31/03/2026 à 14:05" in corps
        assert "Bonjour Victoire," in corps


async def test_R20_the_new_address_is_masked(users: EmailServiceStub) -> None:
    """The mail to the former address shows the domain and the first letter alone."""
    message = await users.SendAccountMail(
        asked("changement-1", "CHANGEMENT_ADRESSE", nouvelle_adresse="v.legrand@Ailleurs.fr")
    )
    assert message.sujet == "Changement d'adresse demandé"
    for corps in (message.corps_texte, message.corps_html):
        assert "v***@ailleurs.fr" in corps
        assert "legrand" not in corps


async def test_R20_a_claimed_account_is_announced(users: EmailServiceStub) -> None:
    """The mail greets by name and links the application."""
    message = await users.SendAccountMail(asked("repris-1", "COMPTE_REPRIS", nom="Legrand"))
    assert message.sujet == "Votre adresse est confirmée"
    assert "Bonjour Victoire Legrand," in message.corps_texte
    assert "https://crm.exemple.fr" in message.corps_texte


@pytest.mark.parametrize(
    ("changes", "reason", "champ"),
    [
        ({"modele_code": ""}, "CHAMP_REQUIS", "modele_code"),
        ({"modele_code": "BIENVENUE_UTILISATEUR"}, "VALEUR_INCONNUE", "modele_code"),
        ({"utilisateur_id": ""}, "CHAMP_REQUIS", "utilisateur_id"),
        ({"utilisateur_id": "a b"}, "FORMAT_INVALIDE", "utilisateur_id"),
        ({"email": ""}, "CHAMP_REQUIS", "email"),
        ({"email": "victoire"}, "FORMAT_INVALIDE", "email"),
        ({"email": "victoire@exemple.fr\r\nBcc: z@y.fr"}, "ENTETE_INTERDIT", "email"),
        ({"cle_idempotence": ""}, "CHAMP_REQUIS", "cle_idempotence"),
        ({"jeton": ""}, "CHAMP_REQUIS", "jeton"),
        ({"jeton": "a b"}, "FORMAT_INVALIDE", "jeton"),
        ({"jeton": "x" * 513}, "FORMAT_INVALIDE", "jeton"),
        ({"expire_le": None}, "CHAMP_REQUIS", "expire_le"),
        ({"modele_code": "CHANGEMENT_ADRESSE"}, "CHAMP_REQUIS", "nouvelle_adresse"),
    ],
)
async def test_R20_what_is_refused(
    users: EmailServiceStub, changes: dict[str, Any], reason: str, champ: str
) -> None:
    """Each refusal is INVALID_ARGUMENT and names the field."""
    request = asked("refus-1")
    for name, value in changes.items():
        request.ClearField(name)  # type: ignore[arg-type]  # a field of the request
        if value is not None:
            setattr(request, name, value)
    told = await refusal(users.SendAccountMail(request))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )


async def test_R09_a_key_sends_one_mail(users: EmailServiceStub) -> None:
    """Parallel calls with one content are answered with one mail; another content is refused."""
    messages = await asyncio.gather(*(users.SendAccountMail(asked("une-fois")) for _ in range(5)))
    assert len({message.id for message in messages}) == 1
    for change in ({"jeton": JETON[::-1]}, {"email": "autre@exemple.fr"}, {"prenom": "Victor"}):
        assert await refused(users.SendAccountMail(asked("une-fois", **change))) == ALREADY


async def test_R20_no_rpc_of_an_organisation_shows_them(mesh: Mesh, org: str) -> None:
    """Get and List of an organisation hide the mail, even when that organisation was named."""
    theirs = mesh.service_stub(EmailServiceStub, caller="email", organisation=org)
    message = await theirs.SendAccountMail(asked("pour-org"))
    assert (await theirs.SendAccountMail(asked("pour-org"))).id == message.id
    emails = mesh.stub(EmailServiceStub, organisation=org)
    for reader in (emails, theirs):
        got = await refused(reader.Get(pb.GetMessageRequest(id=message.id)))
        assert got == (StatusCode.NOT_FOUND, "INTROUVABLE")
        assert not (await reader.List(pb.ListMessagesRequest())).messages


async def test_R20_users_cannot_ask_for_them(emails: EmailServiceStub) -> None:
    """A user who asks for such a mail is refused: only services may."""
    assert await refused(emails.SendAccountMail(asked("moi"))) == (
        StatusCode.PERMISSION_DENIED,
        "APPEL_INTERNE_SEULEMENT",
    )


async def test_R20_the_body_of_a_mail_that_failed_is_forgotten(steps: Mesh, smtp: SmtpServer) -> None:
    """A link that reached nobody is not kept."""
    smtp.script("550 5.1.1 no such user")
    users, app = steps.service_stub(EmailServiceStub, caller="email"), steps["email"].app
    message = await users.SendAccountMail(asked("perdu"))
    await deliver(app)  # type: ignore[arg-type]  # of the email service
    kept = await users.Get(pb.GetMessageRequest(id=message.id))
    assert (kept.statut, kept.corps_texte, kept.corps_html) == ("echec", "", "")


async def test_R20_token_and_body_are_never_logged(
    steps: Mesh, smtp: SmtpServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Token, body and address are in no log line; the body is forgotten once the mail is sent."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the double's, which receives the mail
    users, app = steps.service_stub(EmailServiceStub, caller="email"), steps["email"].app
    message = await users.SendAccountMail(asked("discret"))
    await deliver(app)  # type: ignore[arg-type]  # of the email service
    written = caplog.text + "".join(capfd.readouterr())
    (mail,) = smtp.mails
    kept = await users.Get(pb.GetMessageRequest(id=message.id))
    assert (kept.statut, kept.corps_texte, kept.corps_html) == ("envoye", "", "")
    assert JETON in mail.body("plain").replace("\n", "")
    assert (JETON in written, "Bonjour" in written, "victoire@" in written) == (False, False, False)
