"""Effects of payment.received on the projection, from the bus to the table (R22)."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_dashboard.models import PaiementVu
from service_testing import Mesh, eventually
from sqlalchemy import delete, select
from tests.clients_vus import forgotten_client
from tests.paiements_vus import RECEIVED, announced

CONSUMER = "dashboard--payment-received"


async def projected(mesh: Mesh, event: PaymentReceivedEvent) -> list[PaiementVu]:
    """The rows of the payment of *event*."""
    statement = select(PaiementVu).where(PaiementVu.payment_id == event.payment_id)
    return await mesh.database("dashboard").read().all(statement)


async def test_R22_a_receipt_is_remembered_once(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one complete row."""
    named = {"schedule_id": "plan-1", "facture_id": "facture-1", "contrat_id": "contrat-1"}
    event = announced(organisation_id=org, societe_id="soc-1", **named)
    await mesh.deliver(event, times=5)
    (row,) = await projected(mesh, event)
    assert (row.organisation_id, row.societe_id, row.client_id, row.schedule_id) == (
        org,
        "soc-1",
        "client-123",
        "plan-1",
    )
    assert (row.facture_id, row.contrat_id, row.montant, row.recu_le) == (
        "facture-1",
        "contrat-1",
        Decimal("49.90"),
        RECEIVED,
    )


async def test_R22_of_two_announcements_of_a_payment_the_first_stays(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A second event changes nothing, although its own id is new; another amount is logged."""
    first = announced(organisation_id=org)
    await mesh.deliver(first)
    await mesh.deliver(announced(organisation_id=org, payment_id=first.payment_id))
    silent = f"payment {first.payment_id} stays" not in caplog.text
    await mesh.deliver(announced(organisation_id=org, payment_id=first.payment_id, montant=60))
    amounts = [row.montant for row in await projected(mesh, first)]
    assert (silent, amounts) == (True, [Decimal("49.90")])
    assert f"payment {first.payment_id} stays at 49.90, and is announced with 60.00" in caplog.text


async def test_R22_one_payment_id_in_two_organisations_is_two_receipts(mesh: Mesh, org: str) -> None:
    """External ids are unique within their organisation only."""
    first = announced(organisation_id=org)
    await mesh.deliver(first)
    await mesh.deliver(announced(organisation_id=f"{org}-autre", payment_id=first.payment_id))
    assert len(await projected(mesh, first)) == 2


async def test_R22_an_event_whose_claim_was_forgotten_counts_once(mesh: Mesh, org: str) -> None:
    """A delivery without a trace of the first one finds the payment in the table."""
    event = announced(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("dashboard").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, len(await projected(mesh, event))) == (1, 1)


async def test_R22_without_a_day_of_receipt_the_time_of_the_event_counts(mesh: Mesh, org: str) -> None:
    """An outside publisher may leave out everything but client, payment and amount."""
    told_at = datetime(2026, 2, 6, 8, 30, tzinfo=UTC)
    event = announced(organisation_id=org, date_reception=None, timestamp=timestamp(told_at))
    await mesh.deliver(event)
    (row,) = await projected(mesh, event)
    assert (row.recu_le, row.societe_id, row.facture_id) == (told_at, "", None)


async def test_R22_organisation_and_societe_are_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The event waits while clients is away, then takes those of its client."""
    client = await forgotten_client(mesh, org)
    event = announced(client_id=client.id)
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(event))
        await eventually(lambda: f"{CONSUMER} waits: DependanceIndisponible" in caplog.text)
        assert await projected(mesh, event) == []
    await delivery
    (row,) = await projected(mesh, event)
    assert (row.organisation_id, row.societe_id) == (org, "soc-1")


async def test_R22_poison_among_others_harms_none_of_them(mesh: Mesh, org: str) -> None:
    """An event that says nothing is a dead letter, those around it count."""
    good = [announced(organisation_id=org) for _ in range(4)]
    bad = announced(organisation_id=org, payment_id="")
    await asyncio.gather(*(mesh.deliver(event) for event in (*good[:2], bad, *good[2:])))
    assert [len(await projected(mesh, event)) for event in good] == [1, 1, 1, 1]
    assert await mesh.dead_letters("dashboard", bad) == [("InvalidEvent: CHAMP_REQUIS", 1)]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"payment_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"facture_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"date_reception": None}, "InvalidEvent: date_reception and timestamp are not set"),
        ({"date_reception": Timestamp(seconds=10**12)}, "InvalidEvent: date_reception is no instant"),
    ],
)
async def test_R22_an_event_that_says_what_no_receipt_says_is_a_dead_letter(
    mesh: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """It is not tried again."""
    event = announced(**({"organisation_id": org} | fields))
    await mesh.deliver(event)
    assert (await mesh.dead_letters("dashboard", event), await projected(mesh, event)) == ([(error, 1)], [])
