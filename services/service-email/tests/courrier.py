"""What tests of mails that events cause look at: messages, files, messages that the broker holds."""

from pathlib import Path

import nats
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from google.protobuf.message import Message
from nats_utils import event_type
from service_testing import Mesh, eventually


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
