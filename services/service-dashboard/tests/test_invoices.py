"""Effects of invoice.created on the projection, from the bus to the table (R21)."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from crm.events.business_pb2 import InvoiceCreatedEvent
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_dashboard.models import FactureVue
from service_testing import Mesh, eventually
from sqlalchemy import delete, select
from tests.clients_vus import forgotten_client
from tests.factures_vues import ISSUED, announced

CONSUMER = "dashboard--invoice-created"


async def projected(mesh: Mesh, event: InvoiceCreatedEvent) -> list[FactureVue]:
    """The rows of the invoice of *event*."""
    statement = select(FactureVue).where(FactureVue.invoice_id == event.invoice_id)
    return await mesh.database("dashboard").read().all(statement)


async def amounts(mesh: Mesh, event: InvoiceCreatedEvent) -> list[Decimal]:
    """The amounts of the rows of the invoice of *event*."""
    return [row.montant for row in await projected(mesh, event)]


async def test_R21_an_invoice_is_remembered_once(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one complete row."""
    event = announced(organisation_id=org, societe_id="soc-1", contrat_id="contrat-1")
    await mesh.deliver(event, times=5)
    (row,) = await projected(mesh, event)
    assert (row.organisation_id, row.societe_id, row.client_id, row.contrat_id, row.numero) == (
        org,
        "soc-1",
        "client-123",
        "contrat-1",
        "FAC2026000001",
    )
    assert (row.montant, row.emise_le, row.date_echeance) == (Decimal("49.90"), ISSUED, date(2026, 2, 5))


async def test_R21_of_two_announcements_of_an_invoice_the_first_stays(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A second event changes nothing, although its own id is new; another amount is logged."""
    first = announced(organisation_id=org)
    again = announced(organisation_id=org, invoice_id=first.invoice_id)
    other = announced(organisation_id=org, invoice_id=first.invoice_id, montant=60)
    await mesh.deliver(first)
    await mesh.deliver(again)
    silent = f"invoice {first.invoice_id} stays" not in caplog.text
    await mesh.deliver(other)
    assert (silent, await amounts(mesh, first)) == (True, [Decimal("49.90")])
    assert f"invoice {first.invoice_id} stays at 49.90, and is announced with 60.00" in caplog.text


async def test_R21_one_invoice_id_in_two_organisations_is_two_invoices(mesh: Mesh, org: str) -> None:
    """External ids are unique within their organisation only."""
    first = announced(organisation_id=org)
    await mesh.deliver(first)
    await mesh.deliver(announced(organisation_id=f"{org}-autre", invoice_id=first.invoice_id))
    assert len(await projected(mesh, first)) == 2


async def test_R21_an_event_whose_claim_was_forgotten_counts_once(mesh: Mesh, org: str) -> None:
    """A delivery without a trace of the first one finds the invoice in the table."""
    event = announced(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("dashboard").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, len(await projected(mesh, event))) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"date_echeance": timestamp(datetime(2026, 2, 5, 22, 59, tzinfo=UTC))}, date(2026, 2, 5)),
        ({"date_echeance": timestamp(datetime(2026, 2, 5, 23, 0, tzinfo=UTC))}, date(2026, 2, 6)),
        ({"date_echeance": None}, date(2026, 2, 21)),
    ],
)
async def test_R21_an_invoice_is_due_on_a_day_in_paris(
    mesh: Mesh, org: str, fields: dict[str, Any], due: date
) -> None:
    """Without a due date it is due thirty days after it was issued."""
    event = announced(organisation_id=org, **fields)
    await mesh.deliver(event)
    assert [row.date_echeance for row in await projected(mesh, event)] == [due]


async def test_R21_organisation_and_societe_are_asked_of_clients_when_the_event_is_silent(
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


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"invoice_id": ""}, "InvalidEvent: CHAMP_REQUIS"),
        ({"invoice_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"timestamp": None}, "InvalidEvent: timestamp are not set"),
        ({"date_echeance": Timestamp(seconds=10**12)}, "InvalidEvent: date_echeance is no instant"),
        ({"numero": "9" * 65}, "TextTooLong: numero"),
    ],
)
async def test_R21_an_event_that_says_what_no_invoice_says_is_a_dead_letter(
    mesh: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """It is not tried again."""
    event = announced(**({"organisation_id": org} | fields))
    await mesh.deliver(event)
    assert (await mesh.dead_letters("dashboard", event), await projected(mesh, event)) == ([(error, 1)], [])
