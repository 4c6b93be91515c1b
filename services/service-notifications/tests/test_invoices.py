"""Effects of invoice.created, from the bus to the finance team."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import uuid7
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_notifications import rules
from service_testing import Mesh, eventually
from sqlalchemy import delete

CONSUMER = "notifications--invoice-created"
DUE = datetime(2026, 3, 31, 12, tzinfo=UTC)  # noon UTC stands for the day (C3)


def issued(**fields: Any) -> InvoiceCreatedEvent:
    """An announcement of a new invoice; *fields* replace the usual ones."""
    usual: dict[str, Any] = {
        "event_id": str(uuid7()),
        "invoice_id": "facture-7",
        "client_id": "client-123",
        "montant": 1000,
        "date_echeance": timestamp(DUE),
        "numero": "FAC2026000001",
    }
    return InvoiceCreatedEvent(**(usual | fields))


async def told(mesh: Mesh, org: str) -> list[pb.Notification]:
    """The notifications of invoices that a user of *org* sees."""
    stub = mesh.stub(NotificationServiceStub, organisation=org)
    request = pb.ListNotificationsRequest(type="NOUVELLE_FACTURE")
    return list((await stub.List(request)).notifications)


async def client_of(mesh: Mesh, org: str) -> str:
    """The id of a new client of *org*."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    return (await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont"))).id


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Facture FAC2026000001 de 1\u202f000,00\u00a0€, échéance 31/03/2026."),
        ({"numero": "", "montant": 0}, "Facture facture-7 de 0,00\u00a0€, échéance 31/03/2026."),
        ({"numero": "", "date_echeance": None}, "Facture facture-7 de 1\u202f000,00\u00a0€."),
    ],
)
def test_R20_the_text_says_what_is_known_of_the_invoice(fields: dict[str, Any], message: str) -> None:
    """Its number, or its id; its due date, if there is one."""
    assert rules.nouvelle_facture(issued(**fields), "org-123").message == message


async def test_R20_an_issued_invoice_is_told_to_the_finance_team(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one complete notification."""
    await mesh.deliver(issued(organisation_id=org), times=5)
    (one,) = await told(mesh, org)
    metadata = Struct()
    metadata.update(
        {"facture_id": "facture-7", "client_id": "client-123", "montant": 1000, "numero": "FAC2026000001"}
    )
    assert one == pb.Notification(
        id=one.id,
        organisation_id=org,
        destinataire_type="EQUIPE",
        destinataire_id="FINANCE",
        type="NOUVELLE_FACTURE",
        niveau="info",
        titre="Nouvelle facture",
        message="Facture FAC2026000001 de 1\u202f000,00\u00a0€, échéance 31/03/2026.",
        metadata=metadata,
        lien_url="/factures/facture-7",
        created_at=one.created_at,
    )


async def test_R20_another_organisation_is_told_nothing(mesh: Mesh, org: str) -> None:
    """The notification is that of the organisation which the event names."""
    await mesh.deliver(issued(organisation_id=org))
    assert await told(mesh, f"{org}-autre") == []


async def test_R20_an_event_whose_claim_was_forgotten_notifies_once(mesh: Mesh, org: str) -> None:
    """A delivery without a trace of the first one finds the key of the event taken."""
    event = issued(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("notifications").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, len(await told(mesh, org))) == (1, 1)


async def test_R20_the_organisation_is_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The event waits while clients is away, then the organisation of its client is told."""
    event = issued(client_id=await client_of(mesh, org))
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(event))
        await eventually(lambda: f"{CONSUMER} waits: DependanceIndisponible" in caplog.text)
        assert await told(mesh, org) == []
    await delivery
    assert [one.lien_url for one in await told(mesh, org)] == ["/factures/facture-7"]


async def test_R20_an_invoice_of_a_client_whom_nobody_knows_has_no_effect(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; the event is acknowledged and no dead letter."""
    event = issued(client_id=str(uuid7()))
    await mesh.deliver(event)
    assert f"client {event.client_id} is unknown" in caplog.text
    assert await mesh.dead_letters("notifications", event) == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"client_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"invoice_id": ""}, "InvalidEvent: CHAMP_REQUIS"),
        ({"invoice_id": "../a"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"date_echeance": Timestamp(seconds=10**12)}, "InvalidEvent: date_echeance is no instant"),
        ({"numero": "9" * 3000}, "TextTooLong: message"),
    ],
)
async def test_R20_an_event_that_says_what_no_invoice_says_is_a_dead_letter(
    mesh: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """It is not tried again, and nobody is told."""
    event = issued(**({"organisation_id": org} | fields))
    await mesh.deliver(event)
    assert (await mesh.dead_letters("notifications", event), await told(mesh, org)) == ([(error, 1)], [])
