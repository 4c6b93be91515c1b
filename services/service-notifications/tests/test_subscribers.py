"""Effects of client.created, from the bus to the reader."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import uuid7
from google.protobuf.struct_pb2 import Struct
from nats_utils.tables import ProcessedEvent
from service_notifications import rules
from service_testing import Mesh, eventually, refused
from sqlalchemy import delete

CONSUMER = "notifications--client-created"


def announced(**fields: Any) -> ClientCreatedEvent:
    """An announcement of a new client; *fields* replace the usual ones."""
    return ClientCreatedEvent(
        **{"event_id": str(uuid7()), "client_id": "client-123", "nom": "Dupont", "prenom": "Jean", **fields}
    )


async def notified(mesh: Mesh, org: str) -> list[pb.Notification]:
    """The notifications that a user of *org* sees."""
    stub = mesh.stub(NotificationServiceStub, organisation=org)
    return list((await stub.List(pb.ListNotificationsRequest())).notifications)


async def created(mesh: Mesh, org: str) -> clients_pb2.ClientBase:
    """Create the first client of *org* and wait until it is announced here."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont", prenom="Jean"))
    await eventually(lambda: notified(mesh, org))
    return client


def test_R18_the_text_names_the_client_as_far_as_it_is_known() -> None:
    """The message has first name and name, or the one that is there, or the id."""
    events = [announced(), announced(prenom=""), announced(prenom="", nom="")]
    texts = [rules.nouveau_client(event, "org-123").message for event in events]
    assert texts == [
        "Le client Jean Dupont a été créé.",
        "Le client Dupont a été créé.",
        "Le client client-123 a été créé.",
    ]


async def test_R18_a_created_client_is_told_to_the_sales_team(mesh: Mesh, org: str) -> None:
    """A client created at the clients service makes one complete notification here."""
    client = await created(mesh, org)
    (told,) = await notified(mesh, org)
    metadata = Struct()
    metadata.update({"client_id": client.id})
    assert told == pb.Notification(
        id=told.id,
        organisation_id=org,
        destinataire_type="EQUIPE",
        destinataire_id="COMMERCIAL",
        type="NOUVEAU_CLIENT",
        niveau="info",
        titre="Nouveau client",
        message="Le client Jean Dupont a été créé.",
        metadata=metadata,
        lien_url=f"/clients/{client.id}",
        created_at=told.created_at,
    )


async def test_R18_five_deliveries_notify_once(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one notification."""
    await mesh.deliver(announced(organisation_id=org), times=5)
    assert len(await notified(mesh, org)) == 1


async def test_R18_an_event_whose_claim_was_forgotten_notifies_once(mesh: Mesh, org: str) -> None:
    """A delivery without a trace of the first one finds the key of the event taken."""
    event = announced(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("notifications").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, len(await notified(mesh, org))) == (1, 1)


async def test_R08_the_key_of_an_event_s_notification_is_refused_to_create(mesh: Mesh, org: str) -> None:
    """The notification stays the only one under its key."""
    event = announced(organisation_id=org)
    await mesh.deliver(event)
    request = pb.CreateNotificationRequest(
        destinataire_type="EQUIPE",
        destinataire_id="COMMERCIAL",
        type="INFO",
        titre="Titre",
        message="Message",
        cle_idempotence=f"client.created:{event.event_id}",
    )
    stub = mesh.stub(NotificationServiceStub, organisation=org)
    assert (await refused(stub.Create(request)))[1] == "CLE_IDEMPOTENCE_REUTILISEE"
    assert [told.type for told in await notified(mesh, org)] == ["NOUVEAU_CLIENT"]


async def test_R18_the_organisation_is_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str
) -> None:
    """An event of an outside publisher may name the client alone."""
    client = await created(mesh, org)
    await mesh.deliver(announced(client_id=client.id))
    assert [told.lien_url for told in await notified(mesh, org)] == [f"/clients/{client.id}"] * 2


async def test_R18_a_client_that_nobody_knows_has_no_effect(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown client is logged; the event is acknowledged and no dead letter."""
    event = announced(client_id=str(uuid7()))
    await mesh.deliver(event)
    assert f"client {event.client_id} is unknown" in caplog.text
    assert await mesh.dead_letters("notifications", event) == []


async def test_R18_an_event_waits_while_clients_is_away(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event is kept for later while the service that knows its organisation is silent."""
    client = await created(mesh, org)
    event = announced(client_id=client.id)
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(event))
        await eventually(lambda: f"{CONSUMER} waits: DependanceIndisponible" in caplog.text)
        assert len(await notified(mesh, org)) == 1
    await delivery
    assert len(await notified(mesh, org)) == 2


async def test_R18_an_event_without_client_is_a_dead_letter_at_once(mesh: Mesh, org: str) -> None:
    """An event without client is not tried again."""
    event = announced(client_id="", organisation_id=org)
    await mesh.deliver(event)
    assert await mesh.dead_letters("notifications", event) == [("InvalidEvent: client_id is empty", 1)]


async def test_R18_an_event_that_fits_no_column_is_a_dead_letter_at_once(mesh: Mesh, org: str) -> None:
    """An event whose text is longer than its column is not tried again."""
    event = announced(nom="x" * 3000, organisation_id=org)
    await mesh.deliver(event)
    assert await mesh.dead_letters("notifications", event) == [("TextTooLong: message", 1)]
