"""Addresses outside ASCII (R19), from the client's creation to the mail or to the alert."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from crm.notifications import notifications_pb2
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import clock, uuid7
from nats_utils.tables import DeadLetter
from service_email.delivery import DELIVERY, deliver
from service_email.models import Message
from service_email.service import SERVICE
from service_kit.outgoing import CommandeSortante
from service_kit.registry import service_named
from service_testing import Mesh, eventually, running
from service_testing.smtp import SmtpServer
from sqlalchemy import bindparam, func, select

_OF_ORG = select(Message).where(Message.organisation_id == bindparam("org"))
_LETTERS = select(func.count()).select_from(DeadLetter)
_PLATFORM_MAIL = pb.SendWelcomeRequest(utilisateur_id="user-1", email="zoé@exemple.fr")


@pytest.fixture(scope="module")
async def _office(_smtp_of_steps: SmtpServer) -> AsyncIterator[Mesh]:
    """A mesh of email, whose mails leave when the test says so, and notifications."""
    stepwise = replace(SERVICE, workers=tuple(one for one in SERVICE.workers if one is not DELIVERY))
    settings: dict[str, Any] = {"smtp_host": _smtp_of_steps.host, "smtp_port": _smtp_of_steps.port}
    sender = "crm@exemple.fr"
    async with running(
        stepwise, service_named("notifications"), smtp_securite="aucune", smtp_from=sender, **settings
    ) as mesh:
        yield mesh


@pytest.fixture
def office(_office: Mesh, smtp: SmtpServer) -> Mesh:
    """The mesh with an SMTP server that has seen nothing yet."""
    return _office


async def welcomed(office: Mesh, org: str) -> Message:
    """Welcome Élodie, a new client of *org*; return her message after one attempt to deliver it."""
    event = ClientCreatedEvent(
        event_id=str(uuid7()),
        organisation_id=org,
        client_id="client-1",
        nom="Martin",
        prenom="Élodie",
        email="élodie@exemple.fr",
    )
    await office.deliver(event)
    app: Any = office["email"].app
    await deliver(app)
    (message,) = await app.database.read().all(_OF_ORG, org=org)
    return message  # type: ignore[no-any-return]  # a row of Message


async def test_R19_a_client_outside_ascii_gets_one_mail(office: Mesh, smtp: SmtpServer, org: str) -> None:
    """The envelope and the To header are in UTF-8."""
    message = await welcomed(office, org)
    (mail,) = smtp.mails
    assert (message.statut, mail.recipients) == ("envoye", ("élodie@exemple.fr",))
    assert "<élodie@exemple.fr>" in mail.content.decode()
    assert mail.message["To"].addresses[0].display_name == "Élodie Martin"


async def test_R19_without_the_extension_the_team_is_told_once(
    office: Mesh, smtp: SmtpServer, org: str
) -> None:
    """One attempt makes no mail and no dead letter but one alert; sending it again makes no second one."""
    smtp.smtputf8 = False
    before = await office.database("email").read().one(_LETTERS)
    message = await welcomed(office, org)
    assert (message.statut, message.tentatives, message.derniere_erreur) == ("echec", 1, "SMTPUTF8_ABSENT")
    notifications = office.stub(NotificationServiceStub, organisation=org)

    async def told() -> list[notifications_pb2.Notification]:
        answer = await notifications.List(notifications_pb2.ListNotificationsRequest(type="ALERTE"))
        return list(answer.notifications)

    (alerte,) = await eventually(told)
    await _send_again(office, message)
    assert [one.id for one in await told()] == [alerte.id]
    assert (alerte.type, alerte.niveau, alerte.destinataire_type, alerte.destinataire_id) == (
        "ALERTE",
        "avertissement",
        "EQUIPE",
        "COMMERCIAL",
    )
    assert (dict(alerte.metadata), "@" in alerte.message) == ({"message_id": str(message.id)}, False)
    assert (smtp.mails, smtp.transactions) == ([], 0)
    assert await office.database("email").read().one(_LETTERS) == before


async def _send_again(office: Mesh, message: Message) -> None:
    """Try *message* once more; return when it has ended and its notification has been sent."""
    app: Any = office["email"].app
    async with app.database.transaction() as tx:
        await tx.update(message, statut="en_file", prochain_essai=clock.now() - timedelta(seconds=1))
    await deliver(app)
    again = await app.database.read().get(Message, message.id)
    assert (again.statut, again.tentatives) == ("echec", 2)
    owed = select(CommandeSortante.etat).where(CommandeSortante.cle == f"email:{message.id}")

    async def sent() -> bool:
        return bool(await app.database.read().all(owed) == ["ENVOYEE"])

    await eventually(sent)


async def test_R19_a_mail_of_the_platform_alerts_the_log(
    office: Mesh, smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An error line names the message and no address; no organisation is told."""
    smtp.smtputf8 = False
    app: Any = office["email"].app
    message = await office.service_stub(EmailServiceStub, caller="email").SendWelcome(_PLATFORM_MAIL)
    await deliver(app)
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert message.id in line.getMessage()
    assert "zoé" not in caplog.text
    owed = select(func.count()).where(CommandeSortante.cle == f"email:{message.id}")
    assert await app.database.read().one(owed) == 0
