"""What tests of mails that events cause look at: messages, files, messages that the broker holds."""

from pathlib import Path
from typing import Any

import nats
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from google.protobuf.message import Message
from nats_utils import event_type
from service_email import models
from service_testing import Mesh, eventually
from service_testing.smtp import SmtpServer
from sqlalchemy import delete

APPLICATION = "https://crm.exemple.fr"
"""The address of the web application, for links."""


def smtp_settings(server: SmtpServer) -> dict[str, Any]:
    """The settings of an email service that sends through *server*."""
    return {
        "smtp_host": server.host,
        "smtp_port": server.port,
        "smtp_securite": "aucune",
        "smtp_from": "CRM <crm@exemple.fr>",
        "app_base_url": APPLICATION,
    }


def mails_in(folder: Path) -> set[str]:
    """The names of the mails written so far."""
    return {file.name for file in folder.iterdir()}


async def only_message(emails: EmailServiceStub, statut: str) -> pb.Message:
    """The only message of the organisation, once it has this statut."""

    async def found() -> list[pb.Message]:
        page = await emails.List(pb.ListMessagesRequest())
        assert len(page.messages) <= 1
        return [message for message in page.messages if message.statut == statut]

    (message,) = await eventually(found)
    return await emails.Get(pb.GetMessageRequest(id=message.id))


async def publish_and_wait_until_it_is_held(town: Mesh, event: Message, token: str) -> None:
    """Publish *event*, whose consumer ends in *token*, and return once email keeps it unacknowledged."""
    kind = event_type(type(event))
    client = await nats.connect(town.broker.url)
    try:
        js = client.jetstream()
        await js.publish(kind.subject, event.SerializeToString())

        async def held() -> bool:
            info = await js.consumer_info(kind.stream, f"email--{token}")
            return bool(info.num_ack_pending == 1)

        await eventually(held)
    finally:
        await client.close()


async def client(town: Mesh, org: str, **fields: str) -> str:
    """The id of a new client of *org*, whose welcome mail is forgotten."""
    usual = {"nom": "Dupont", "prenom": "Jean", "email": "jean@exemple.fr"}
    clients = town.stub(ClientBaseServiceStub, organisation=org)
    made = await clients.Create(clients_pb2.CreateClientBaseRequest(**(usual | fields)))
    emails = town.stub(EmailServiceStub, organisation=org)
    await only_message(emails, "ignore" if fields.get("email") == "" else "envoye")
    async with town.database("email").transaction() as tx:
        for kind in (models.Tentative, models.Message):
            await tx.execute(delete(kind).where(kind.organisation_id == org))
    return made.id


async def sent(emails: EmailServiceStub) -> list[str]:
    """The recipients of the mails of the organisation that have left."""
    page = await emails.List(pb.ListMessagesRequest(statut="envoye"))
    return [one.email for message in page.messages for one in message.a]
