"""Reminders that invoice.created plans, from the bus to the reader (R6)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from db_utils import uuid7
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_relance.models import RegleRelance, Relance
from service_testing import Mesh, eventually
from sqlalchemy import delete, select, update
from tests.rappels import confirmed, issued

CONSUMER = "relance--invoice-created"
LEVELS = [(1, "2026-02-20"), (2, "2026-03-09"), (3, "2026-03-23")]


async def planned(mesh: Mesh, org: str, **filters: Any) -> list[pb.Relance]:
    """Reminders about unpaid invoices of *org*, the earliest first."""
    stub = mesh.stub(RelanceServiceStub, organisation=org)
    request = pb.ListRelancesRequest(declencheur="IMPAYE", **filters)
    return list((await stub.List(request)).relances)


async def days(mesh: Mesh, org: str) -> list[tuple[int, str]]:
    """Levels and days of the reminders of *org*."""
    return [(one.niveau, one.date_prevue) for one in await planned(mesh, org)]


async def test_R06_an_invoice_is_asked_for_after_15_30_and_45_days(mesh: Mesh, org: str) -> None:
    """Five deliveries plan three reminders, one per level, by the rules of the organisation."""
    await mesh.deliver(issued(organisation_id=org, societe_id="soc-1", contrat_id="contrat-1"), times=5)
    reminders = await planned(mesh, org)
    assert [(one.niveau, one.date_prevue) for one in reminders] == LEVELS
    first = reminders[0]
    assert first == pb.Relance(
        id=first.id,
        organisation_id=org,
        societe_id="soc-1",
        regle_id=first.regle_id,
        declencheur="IMPAYE",
        niveau=1,
        client_id="client-123",
        facture_id="facture-7",
        contrat_id="contrat-1",
        montant=49.9,
        date_echeance="2026-02-05",
        date_prevue="2026-02-20",
        statut="PLANIFIEE",
        cle="facture:facture-7:n1",
        created_at=first.created_at,
        updated_at=first.created_at,
        version=1,
    )
    rules = select(RegleRelance.nom).where(
        RegleRelance.organisation_id == org, RegleRelance.declencheur == "IMPAYE"
    )
    assert len(await mesh.database("relance").read().all(rules)) == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"date_echeance": timestamp(datetime(2026, 3, 5, 12, tzinfo=UTC))},
            [(1, "2026-03-20"), (2, "2026-04-07"), (3, "2026-04-20")],
        ),
        (
            {"date_echeance": timestamp(datetime(2026, 2, 4, 23, tzinfo=UTC))},
            LEVELS,
        ),
        ({"date_echeance": None}, [(1, "2026-03-09"), (2, "2026-03-23"), (3, "2026-04-07")]),
    ],
)
async def test_R05_R06_days_are_counted_from_the_due_date(
    mesh: Mesh, org: str, fields: dict[str, Any], expected: list[tuple[int, str]]
) -> None:
    """That of Paris, or thirty days after the issue; 4 April is a Saturday, 6 April Easter Monday."""
    await mesh.deliver(issued(organisation_id=org, **fields))
    await confirmed(mesh, org)
    assert await days(mesh, org) == expected


async def test_R06_two_announcements_of_an_invoice_plan_once(mesh: Mesh, org: str) -> None:
    """The first plan stays, whatever a second event says."""
    await mesh.deliver(issued(organisation_id=org))
    later = timestamp(datetime(2026, 6, 1, 12, tzinfo=UTC))
    await mesh.deliver(issued(organisation_id=org, date_echeance=later, montant=60))
    assert [one.montant for one in await planned(mesh, org)] == [49.9] * 3
    assert await days(mesh, org) == LEVELS


async def test_R06_an_event_whose_claim_was_forgotten_plans_once(mesh: Mesh, org: str) -> None:
    """The keys of the reminders are a second barrier behind processed_events."""
    event = issued(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("relance").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, await days(mesh, org)) == (1, LEVELS)


async def test_R06_only_rules_in_force_plan(mesh: Mesh, org: str) -> None:
    """Without level 3 two reminders are planned; a rule made active later plans nothing."""
    await mesh.deliver(issued(organisation_id=org))
    third = update(RegleRelance).where(RegleRelance.organisation_id == org, RegleRelance.niveau == 3)
    async with mesh.database("relance").transaction() as tx:
        await tx.execute(third.values(actif=False))
    await mesh.deliver(issued(organisation_id=org, invoice_id="facture-8"))
    async with mesh.database("relance").transaction() as tx:
        await tx.execute(third.values(actif=True))
    found = [await planned(mesh, org, facture_id=one) for one in ("facture-7", "facture-8")]
    assert [[one.niveau for one in reminders] for reminders in found] == [[1, 2, 3], [1, 2]]


async def test_R06_an_invoice_id_in_two_organisations_is_two_invoices(mesh: Mesh, org: str) -> None:
    """Each organisation sees its own reminders alone."""
    await mesh.deliver(issued(organisation_id=org))
    await mesh.deliver(issued(organisation_id=f"{org}-autre", montant=60))
    amounts = [{one.montant for one in await planned(mesh, one_org)} for one_org in (org, f"{org}-autre")]
    assert amounts == [{49.9}, {60}]


async def test_R06_reminders_are_listed_by_invoice_and_contract(mesh: Mesh, org: str) -> None:
    """The filters leave those of one invoice, or of one contract."""
    await mesh.deliver(issued(organisation_id=org, contrat_id="contrat-1"))
    await mesh.deliver(issued(organisation_id=org, invoice_id="facture-8"))
    found = [
        {one.facture_id for one in await planned(mesh, org, **filters)}
        for filters in ({"facture_id": "facture-8"}, {"contrat_id": "contrat-1"}, {"facture_id": "facture-9"})
    ]
    assert found == [{"facture-8"}, {"facture-7"}, set()]


async def test_R06_organisation_and_societe_are_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The event waits while clients is away, then takes those of its client."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont", societe_id="soc-1"))
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(issued(client_id=client.id)))
        await eventually(lambda: f"{CONSUMER} waits: DependanceIndisponible" in caplog.text)
        assert await planned(mesh, org) == []
    await delivery
    assert {(one.client_id, one.societe_id) for one in await planned(mesh, org)} == {(client.id, "soc-1")}


async def test_R06_an_invoice_of_a_client_whom_nobody_knows_has_no_effect(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    """The event is acknowledged and logged; nothing is planned and nothing is a dead letter."""
    event = issued(client_id=str(uuid7()))
    await mesh.deliver(event)
    relances = select(Relance).where(Relance.client_id == event.client_id)
    assert f"client {event.client_id} is unknown" in caplog.text
    assert await mesh.database("relance").read().all(relances) == []
    assert await mesh.dead_letters("relance", event) == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_id": ""}, "InvalidEvent: client_id is empty"),
        ({"invoice_id": ""}, "InvalidEvent: CHAMP_REQUIS"),
        ({"invoice_id": "a b"}, "InvalidEvent: FORMAT_INVALIDE"),
        ({"montant": float("nan")}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"montant": -1.0}, "InvalidEvent: MONTANT_INVALIDE"),
        ({"date_echeance": None, "timestamp": None}, "InvalidEvent: timestamp are not set"),
        ({"date_echeance": Timestamp(seconds=10**12)}, "InvalidEvent: date_echeance is no instant"),
    ],
)
async def test_R06_an_event_that_says_what_no_invoice_says_is_a_dead_letter(
    mesh: Mesh, org: str, fields: dict[str, Any], error: str
) -> None:
    """It is not tried again, and nothing is planned."""
    event = issued(**({"organisation_id": org} | fields))
    await mesh.deliver(event)
    assert (await mesh.dead_letters("relance", event), await planned(mesh, org)) == ([(error, 1)], [])
