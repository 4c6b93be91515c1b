"""Reminders that client.created plans, from the bus to the table (R7)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_relance.models import RegleRelance, Relance
from service_testing import Mesh, eventually
from sqlalchemy import delete, select
from tests.rappels import confirmed

CONSUMER = "relance--client-created"
MORNING = datetime(2026, 1, 8, 9, 0, tzinfo=UTC)


def announced(**fields: Any) -> ClientCreatedEvent:
    """Event of a client created on Thursday 8 January 2026."""
    defaults = {"event_id": str(uuid7()), "client_id": "client-123", "created_at": timestamp(MORNING)}
    return ClientCreatedEvent(**{**defaults, **fields})


async def planned(mesh: Mesh, org: str) -> list[pb.Relance]:
    """Reminders of *org*."""
    stub = mesh.stub(RelanceServiceStub, organisation=org)
    return list((await stub.List(pb.ListRelancesRequest())).relances)


async def created(mesh: Mesh, org: str) -> clients_pb2.ClientBase:
    """Client of société soc-1 of *org*, once its welcome has been planned here."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont", societe_id="soc-1"))
    await eventually(lambda: planned(mesh, org))
    return client


async def forget(mesh: Mesh, org: str) -> None:
    """Remove every reminder of *org*."""
    async with mesh.database("relance").transaction() as tx:
        await tx.execute(delete(Relance).where(Relance.organisation_id == org))


async def test_R07_a_created_client_is_called_a_week_later(mesh: Mesh, org: str) -> None:
    """A Create at clients on 8 January plans one reminder for the 15th."""
    with frozen_at(MORNING):
        client = await created(mesh, org)
        (relance,) = await planned(mesh, org)
    rules = select(RegleRelance).where(RegleRelance.id == relance.regle_id)
    assert relance == pb.Relance(
        id=relance.id,
        organisation_id=org,
        societe_id="soc-1",
        regle_id=relance.regle_id,
        declencheur="NOUVEAU_CLIENT",
        client_id=client.id,
        date_prevue="2026-01-15",
        statut="PLANIFIEE",
        cle=f"client:{client.id}:bienvenue",
        created_at=timestamp(MORNING),
        updated_at=timestamp(MORNING),
        version=1,
    )
    assert [rule.nom for rule in await mesh.database("relance").read().all(rules)] == ["Appel de bienvenue"]


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 1, 7, 22, 59, tzinfo=UTC), "2026-01-14"),
        (datetime(2026, 1, 7, 23, 0, tzinfo=UTC), "2026-01-15"),
        (datetime(2026, 4, 24, 9, 0, tzinfo=UTC), "2026-05-04"),
    ],
)
async def test_R07_days_are_counted_in_paris_and_end_on_a_day_of_work(
    mesh: Mesh, org: str, instant: datetime, day: str
) -> None:
    """Friday 1 May is a holiday: Monday follows."""
    await mesh.deliver(announced(organisation_id=org, created_at=timestamp(instant)))
    await confirmed(mesh, org)
    assert [one.date_prevue for one in await planned(mesh, org)] == [day]


async def test_five_deliveries_plan_once(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event plan one reminder."""
    await mesh.deliver(announced(organisation_id=org), times=5)
    assert len(await planned(mesh, org)) == 1


async def test_R07_two_announcements_of_a_client_plan_once(mesh: Mesh, org: str) -> None:
    """A second event about a client plans nothing; the first plan stays."""
    await mesh.deliver(announced(organisation_id=org))
    await mesh.deliver(announced(organisation_id=org, created_at=timestamp(MORNING.replace(day=9))))
    assert [relance.date_prevue for relance in await planned(mesh, org)] == ["2026-01-15"]


async def test_one_client_id_in_two_organisations_is_two_clients(mesh: Mesh, org: str) -> None:
    """An id of another source plans one reminder in each organisation that uses it."""
    organisations = (org, f"{org}-other")
    for organisation in organisations:
        await mesh.deliver(announced(organisation_id=organisation))
    assert [len(await planned(mesh, one)) for one in organisations] == [1, 1]


async def test_an_event_whose_claim_was_forgotten_plans_once(mesh: Mesh, org: str) -> None:
    """The key of the reminder is a second barrier behind processed_events."""
    event = announced(organisation_id=org)
    await mesh.deliver(event)
    async with mesh.database("relance").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, len(await planned(mesh, org))) == (1, 1)


async def test_R07_without_a_rule_nothing_is_planned(mesh: Mesh, org: str) -> None:
    """An event of an organisation without a rule plans nothing and is no dead letter."""
    await mesh.deliver(announced(organisation_id=org))
    await forget(mesh, org)
    async with mesh.database("relance").transaction() as tx:
        await tx.execute(delete(RegleRelance).where(RegleRelance.organisation_id == org))
    event = announced(organisation_id=org, client_id="client-456")
    await mesh.deliver(event)
    assert (await planned(mesh, org), await mesh.dead_letters("relance", event)) == ([], [])


async def test_organisation_and_societe_are_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str
) -> None:
    """An event that names neither has both looked up at clients."""
    client = await created(mesh, org)
    await forget(mesh, org)
    await mesh.deliver(announced(client_id=client.id))
    (relance,) = await planned(mesh, org)
    assert (relance.client_id, relance.societe_id) == (client.id, "soc-1")


async def test_a_client_that_nobody_knows_has_no_effect(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The event is acknowledged and logged; nothing is planned and nothing is a dead letter."""
    event = announced(client_id=str(uuid7()))
    await mesh.deliver(event)
    relances = select(Relance).where(Relance.client_id == event.client_id)
    assert f"client {event.client_id} is unknown" in caplog.text
    assert await mesh.database("relance").read().all(relances) == []
    assert await mesh.dead_letters("relance", event) == []


async def test_an_event_waits_while_clients_is_away(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event whose organisation must be looked up is delivered once clients is back."""
    client = await created(mesh, org)
    await forget(mesh, org)
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(announced(client_id=client.id)))
        await eventually(lambda: f"{CONSUMER} waits: DependanceIndisponible" in caplog.text)
        assert await planned(mesh, org) == []
    await delivery
    assert [relance.client_id for relance in await planned(mesh, org)] == [client.id]


async def test_an_event_that_says_too_little_is_a_dead_letter_at_once(mesh: Mesh, org: str) -> None:
    """An event without client, without instant, or at the end of time is a dead letter after one attempt."""
    events = [announced(organisation_id=org, client_id=""), announced(organisation_id=org, created_at=None)]
    events.append(announced(organisation_id=org, created_at=timestamp(datetime(9999, 12, 30, tzinfo=UTC))))
    for event in events:
        await mesh.deliver(event)
    assert [await mesh.dead_letters("relance", event) for event in events] == [
        [("InvalidEvent: client_id is empty", 1)],
        [("InvalidEvent: created_at and timestamp are not set", 1)],
        [("InvalidEvent: a day is beyond the calendar", 1)],
    ]
