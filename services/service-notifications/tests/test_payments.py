"""Effects of payment.received and payment.rejected, from the bus to the finance team."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import uuid7
from google.protobuf.struct_pb2 import Struct
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_notifications import paiements
from service_testing import Mesh, eventually
from sqlalchemy import delete

RECEIVED, REJECTED = "notifications--payment-received", "notifications--payment-rejected"
DAY = datetime(2026, 3, 9, 12, tzinfo=UTC)  # noon UTC stands for the day (C3)
Event = PaymentReceivedEvent | PaymentRejectedEvent


def received(**fields: Any) -> PaymentReceivedEvent:
    """An announcement that money has come; *fields* replace the usual ones."""
    said: dict[str, Any] = {"montant": 1000, "date_reception": timestamp(DAY)}
    return PaymentReceivedEvent(**(said | _usual() | fields))


def rejected(**fields: Any) -> PaymentRejectedEvent:
    """An announcement that a payment was rejected; *fields* replace the usual ones."""
    said: dict[str, Any] = {"motif_rejet": "AM04", "date_rejet": timestamp(DAY)}
    return PaymentRejectedEvent(**(said | _usual() | fields))


def _usual() -> dict[str, Any]:
    return {"event_id": str(uuid7()), "payment_id": "paiement-7", "client_id": "client-123"}


BOTH = pytest.mark.parametrize(
    ("announced", "consumer"),
    [pytest.param(received, RECEIVED, id="received"), pytest.param(rejected, REJECTED, id="rejected")],
)


async def told(mesh: Mesh, org: str) -> list[pb.Notification]:
    """The notifications that a user of *org* sees."""
    stub = mesh.stub(NotificationServiceStub, organisation=org)
    page = await stub.List(pb.ListNotificationsRequest())
    return [one for one in page.notifications if one.type.startswith("PAIEMENT_")]


async def client_of(mesh: Mesh, org: str) -> str:
    """The id of a new client of *org*."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    return (await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont"))).id


def struct(**fields: Any) -> Struct:
    """A JSON object of *fields*."""
    made = Struct()
    made.update(fields)
    return made


async def test_R21_a_receipt_is_told_to_the_finance_team(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one complete notification."""
    event = received(organisation_id=org, facture_id="facture-7", contrat_id="contrat-7")
    await mesh.deliver(event, times=5)
    (one,) = await told(mesh, org)
    assert one == pb.Notification(
        id=one.id,
        organisation_id=org,
        destinataire_type="EQUIPE",
        destinataire_id="FINANCE",
        type="PAIEMENT_RECU",
        niveau="info",
        titre="Paiement reçu",
        message="Paiement de 1\u202f000,00\u00a0€ reçu.",
        metadata=struct(
            payment_id="paiement-7",
            client_id="client-123",
            facture_id="facture-7",
            contrat_id="contrat-7",
            montant=1000,
        ),
        lien_url="/paiements/paiement-7",
        created_at=one.created_at,
    )


async def test_R22_a_rejection_is_told_to_the_finance_team(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one complete notification; an amount that nobody told is left out."""
    await mesh.deliver(rejected(organisation_id=org), times=5)
    (one,) = await told(mesh, org)
    assert one == pb.Notification(
        id=one.id,
        organisation_id=org,
        destinataire_type="EQUIPE",
        destinataire_id="FINANCE",
        type="PAIEMENT_REJETE",
        niveau="critique",
        titre="Paiement rejeté",
        message="Paiement rejeté (AM04). Nouvelle tentative à suivre.",
        metadata=struct(payment_id="paiement-7", client_id="client-123", motif_rejet="AM04"),
        lien_url="/paiements/paiement-7",
        created_at=one.created_at,
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("MS03", "Paiement rejeté (MS03). Nouvelle tentative à suivre."),
        (" am04 ", "Paiement rejeté (AM04). Nouvelle tentative à suivre."),
        ("AC04", "Paiement rejeté (AC04). À traiter."),
        ("MD07", "Paiement rejeté (MD07). À traiter."),
        ("CNOR", "Paiement rejeté (CNOR). À traiter."),
        ("INCONNU", "Paiement rejeté (INCONNU). À traiter."),
        ("", "Paiement rejeté. À traiter."),
    ],
)
def test_R22_the_text_says_what_comes_next(code: str, message: str) -> None:
    """A new attempt after the two codes that retry presents again, people after all others."""
    assert paiements.paiement_rejete(rejected(motif_rejet=code), "org-123").message == message


async def test_R22_a_late_return_is_told_beside_the_receipt(mesh: Mesh, org: str) -> None:
    """The payment was received and has gone back: both are told, whatever came first."""
    await mesh.deliver(rejected(organisation_id=org, motif_rejet="MD06", montant=49.9))
    await mesh.deliver(received(organisation_id=org))
    assert {one.type for one in await told(mesh, org)} == {"PAIEMENT_RECU", "PAIEMENT_REJETE"}


@BOTH
async def test_R21_R22_another_organisation_is_told_nothing(
    mesh: Mesh, org: str, announced: Callable[..., Event], consumer: str
) -> None:
    """The notification is that of the organisation which the event names."""
    await mesh.deliver(announced(organisation_id=org))
    assert (len(await told(mesh, org)), await told(mesh, f"{org}-autre")) == (1, [])


@BOTH
async def test_R21_R22_an_event_whose_claim_was_forgotten_notifies_once(
    mesh: Mesh, org: str, announced: Callable[..., Event], consumer: str
) -> None:
    """A delivery without a trace of the first one finds the key of the event taken."""
    event = announced(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("notifications").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, len(await told(mesh, org))) == (1, 1)


@BOTH
async def test_R21_R22_the_organisation_is_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture, announced: Callable[..., Event], consumer: str
) -> None:
    """The event waits while clients is away, then the organisation of its client is told."""
    event = announced(client_id=await client_of(mesh, org))
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(event))
        await eventually(lambda: f"{consumer} waits: DependanceIndisponible" in caplog.text)
        assert await told(mesh, org) == []
    await delivery
    assert [one.lien_url for one in await told(mesh, org)] == ["/paiements/paiement-7"]


@BOTH
async def test_R21_R22_a_payment_of_a_client_whom_nobody_knows_has_no_effect(
    mesh: Mesh, caplog: pytest.LogCaptureFixture, announced: Callable[..., Event], consumer: str
) -> None:
    """It is logged; the event is acknowledged and no dead letter."""
    event = announced(client_id=str(uuid7()))
    await mesh.deliver(event)
    assert f"client {event.client_id} is unknown" in caplog.text
    assert await mesh.dead_letters("notifications", event) == []


@BOTH
async def test_R21_R22_poison_among_others_harms_none_of_them(
    mesh: Mesh, org: str, announced: Callable[..., Event], consumer: str
) -> None:
    """An event that says nothing is a dead letter, those around it are told."""
    good = [announced(organisation_id=org, payment_id=f"paiement-{number}") for number in range(4)]
    bad = announced(organisation_id=org, payment_id="")
    await asyncio.gather(*(mesh.deliver(event) for event in (*good[:2], bad, *good[2:])))
    assert len(await told(mesh, org)) == len(good)
    assert await mesh.dead_letters("notifications", bad) == [("InvalidEvent: CHAMP_REQUIS", 1)]


@BOTH
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"client_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"payment_id": "../a"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"facture_id": "../a"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
    ],
)
async def test_R21_R22_an_event_that_says_what_no_payment_says_is_a_dead_letter(
    mesh: Mesh,
    org: str,
    announced: Callable[..., Event],
    consumer: str,
    fields: dict[str, Any],
    error: str,
) -> None:
    """It is not tried again, and nobody is told."""
    event = announced(**({"organisation_id": org} | fields))
    await mesh.deliver(event)
    assert (await mesh.dead_letters("notifications", event), await told(mesh, org)) == ([(error, 1)], [])


async def test_R22_a_code_that_fits_into_no_message_is_a_dead_letter(mesh: Mesh, org: str) -> None:
    """It is not tried again."""
    event = rejected(organisation_id=org, motif_rejet="A" * 3000)
    await mesh.deliver(event)
    assert await mesh.dead_letters("notifications", event) == [("TextTooLong: message", 1)]
