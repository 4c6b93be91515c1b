"""Effects of client.created on the figures, from the bus to the answer."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.dashboard.dashboard_pb2 import DashboardFilters
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import clock, uuid7
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_dashboard.models import ClientVu
from service_testing import Mesh, eventually
from sqlalchemy import delete, select
from tests.clients_vus import announced_client, forgotten_client

CONSUMER = "dashboard--client-created"
NOON = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)


def announced(**fields: Any) -> ClientCreatedEvent:
    """An announcement of a new client; *fields* replace the usual ones."""
    unique = str(uuid7())
    return ClientCreatedEvent(
        **{"event_id": unique, "client_id": f"client-{unique}", "created_at": timestamp(NOON), **fields}
    )


async def projected(mesh: Mesh, client_id: str) -> list[tuple[str, str | None, datetime]]:
    """The rows with a client id: organisation, société, creation."""
    rows = (
        await mesh.database("dashboard").read().all(select(ClientVu).where(ClientVu.client_id == client_id))
    )
    return [(row.organisation_id, row.societe_id, row.cree_le) for row in rows]


async def counted(mesh: Mesh, org: str) -> int:
    """The new clients of *org* this month."""
    stub = mesh.stub(DashboardKpisServiceStub, organisation=org)
    return (await stub.GetKpis(DashboardFilters())).nouveaux_clients


async def test_R11_a_created_client_is_counted(mesh: Mesh, org: str) -> None:
    """A client created at the clients service is one more new client here."""
    before = await counted(mesh, org)
    client = await announced_client(mesh, org)
    created_at = client.created_at.ToDatetime(tzinfo=UTC)
    assert (before, await counted(mesh, org)) == (0, 1)
    assert await projected(mesh, client.id) == [(org, "soc-1", created_at)]


async def test_R20_five_deliveries_count_once(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event make one row."""
    await mesh.deliver(
        announced(organisation_id=org, created_at=None, timestamp=timestamp(clock.now())), times=5
    )
    assert await counted(mesh, org) == 1


async def test_R20_of_two_announcements_of_a_client_the_first_stays(mesh: Mesh, org: str) -> None:
    """A second event about a client changes nothing, although its own id is new."""
    first = announced(organisation_id=org, societe_id="soc-1")
    second = announced(
        client_id=first.client_id, organisation_id=org, created_at=timestamp(NOON.replace(day=9))
    )
    await mesh.deliver(first)
    await mesh.deliver(second)
    assert await projected(mesh, first.client_id) == [(org, "soc-1", NOON)]


async def test_R20_one_client_id_in_two_organisations_is_two_clients(mesh: Mesh, org: str) -> None:
    """External ids are unique within their organisation only."""
    first = announced(organisation_id=org)
    await mesh.deliver(first)
    await mesh.deliver(announced(client_id=first.client_id, organisation_id=f"{org}-other"))
    assert len(await projected(mesh, first.client_id)) == 2


async def test_R20_an_event_whose_claim_was_forgotten_counts_once(mesh: Mesh, org: str) -> None:
    """A delivery without a trace of the first one finds the client in the table."""
    event = announced(organisation_id=org, created_at=None, timestamp=timestamp(clock.now()))
    await mesh.deliver(event)
    async with mesh.database("dashboard").transaction() as tx:
        forgotten = await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == event.event_id))
    await mesh.deliver(event)
    assert (forgotten, await counted(mesh, org)) == (1, 1)


async def test_R20_an_announcement_without_creation_is_as_old_as_itself(mesh: Mesh, org: str) -> None:
    """The time of the event stands in for a missing creation."""
    event = announced(organisation_id=org, created_at=None, timestamp=timestamp(NOON))
    await mesh.deliver(event)
    assert await projected(mesh, event.client_id) == [(org, None, NOON)]


async def test_R20_organisation_and_societe_are_asked_of_clients_when_the_event_is_silent(
    mesh: Mesh, org: str
) -> None:
    """An event of an outside publisher may name the client alone."""
    client = await forgotten_client(mesh, org)
    await mesh.deliver(announced(client_id=client.id))
    assert await projected(mesh, client.id) == [(org, "soc-1", NOON)]


async def test_R20_an_event_waits_while_clients_is_away(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event is kept for later while the service that knows its organisation is silent."""
    client = await forgotten_client(mesh, org)
    async with mesh.without("clients"):
        delivery = asyncio.create_task(mesh.deliver(announced(client_id=client.id)))
        await eventually(lambda: f"{CONSUMER} waits: DependanceIndisponible" in caplog.text)
        assert await projected(mesh, client.id) == []
    await delivery
    assert await projected(mesh, client.id) == [(org, "soc-1", NOON)]


async def test_R20_an_event_that_says_too_little_is_a_dead_letter_at_once(mesh: Mesh, org: str) -> None:
    """An event without client, or without any time, is not tried again."""
    events = [
        announced(organisation_id=org, client_id=""),
        announced(organisation_id=org, created_at=None),
    ]
    for event in events:
        await mesh.deliver(event)
    assert [await mesh.dead_letters("dashboard", event) for event in events] == [
        [("InvalidEvent: client_id is empty", 1)],
        [("InvalidEvent: created_at and timestamp are not set", 1)],
    ]
