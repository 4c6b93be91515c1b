"""Events that name no organisation, about clients whom nobody knows, or this service alone (R23)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent
from db_utils import clock, uuid7
from grpc_utils import timestamp
from grpc_utils.errors import Unavailable
from service_dashboard.models import ClientVu, EvenementOrphelin, FactureVue, PaiementVu
from service_dashboard.rattrapage import RETRYING, retry_orphans
from service_testing import Mesh
from sqlalchemy import delete, select
from tests.clients_vus import forgotten_client
from tests.marche import NOW

from tests import factures_vues, paiements_vus


@pytest.fixture(autouse=True)
async def nothing_left(mesh: Mesh) -> AsyncIterator[None]:
    """No orphan of another test is tried by the job of this one."""
    yield
    async with mesh.database("dashboard").transaction() as tx:
        await tx.execute(delete(EvenementOrphelin))


async def orphans(mesh: Mesh) -> list[EvenementOrphelin]:
    """The events that are kept."""
    return await mesh.database("dashboard").read().all(select(EvenementOrphelin))


async def owners(mesh: Mesh, model: type[FactureVue | PaiementVu], client_id: str) -> list[str]:
    """The organisations of the rows about a client."""
    of_client = select(model.organisation_id).where(model.client_id == client_id)
    return await mesh.database("dashboard").read().all(of_client)


@pytest.mark.parametrize("kind", [factures_vues, paiements_vus])
async def test_R21_R22_R23_an_event_about_an_unknown_client_is_kept_without_effect(
    mesh: Mesh, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, acknowledged, and no dead letter; twice it is kept once."""
    event = kind.announced(client_id=str(uuid7()))
    await mesh.deliver(event, times=2)
    assert f"client {event.client_id} is unknown" in caplog.text
    assert [str(one.event_id) for one in await orphans(mesh)] == [event.event_id]
    assert await mesh.dead_letters("dashboard", event) == []


async def test_R23_what_an_event_says_of_a_person_is_not_kept(mesh: Mesh) -> None:
    """Ids and instants alone."""
    event = ClientCreatedEvent(
        event_id=str(uuid7()), client_id="x-1", nom="Dupont", prenom="Jean", email="j@exemple.fr"
    )
    event.created_at.CopyFrom(timestamp(NOW))
    await mesh.deliver(event)
    (kept,) = await orphans(mesh)
    assert kept.charge == {
        "eventId": event.event_id,
        "clientId": "x-1",
        "createdAt": event.created_at.ToJsonString(),
    }


@pytest.mark.parametrize(
    ("kind", "model"), [(factures_vues, FactureVue), (paiements_vus, PaiementVu)], ids=("invoice", "receipt")
)
async def test_R23_the_client_of_an_event_may_be_known_here(
    mesh: Mesh, org: str, kind: Any, model: type[FactureVue | PaiementVu]
) -> None:
    """Announced with its organisation by another system, which clients does not know."""
    await mesh.deliver(_client(f"x-{org}", org))
    await mesh.deliver(kind.announced(client_id=f"x-{org}"))
    assert (await owners(mesh, model, f"x-{org}"), await orphans(mesh)) == ([org], [])


async def test_R23_an_id_of_two_organisations_says_nothing(mesh: Mesh, org: str) -> None:
    """Ids of other systems may collide: the event is kept, and nobody's figures change."""
    for owner in (org, f"{org}-autre"):
        await mesh.deliver(_client(f"x-{org}", owner))
    await mesh.deliver(factures_vues.announced(client_id=f"x-{org}"))
    assert (await owners(mesh, FactureVue, f"x-{org}"), len(await orphans(mesh))) == ([], 1)


async def test_R23_an_orphan_has_its_effect_once_its_client_is_known(mesh: Mesh, org: str) -> None:
    """By an announcement or by clients; one that comes again has none."""
    events = [kind.announced(client_id=f"x-{org}") for kind in (factures_vues, paiements_vus)]
    for event in events:
        await mesh.deliver(event)
    await retry_orphans(mesh["dashboard"].app)
    assert len(await orphans(mesh)) == 2
    await mesh.deliver(_client(f"x-{org}", org))
    await retry_orphans(mesh["dashboard"].app)
    for event in events:
        await mesh.deliver(event)
    await retry_orphans(mesh["dashboard"].app)
    found = [await owners(mesh, model, f"x-{org}") for model in (FactureVue, PaiementVu)]
    assert (found, await orphans(mesh)) == ([[org], [org]], [])


async def test_R23_clients_is_asked_about_orphans(mesh: Mesh, org: str) -> None:
    """The client was made after the event, and its own announcement is still on its way."""
    client = await forgotten_client(mesh, org)
    async with mesh.database("dashboard").transaction() as tx:
        event = ClientCreatedEvent(client_id=client.id, timestamp=timestamp(NOW))
        await tx.insert(_orphan(event))
    await retry_orphans(mesh["dashboard"].app)
    seen = select(ClientVu.organisation_id).where(ClientVu.client_id == client.id)
    assert await mesh.database("dashboard").read().all(seen) == [org]


async def test_R23_after_a_day_an_orphan_is_given_up(mesh: Mesh, caplog: pytest.LogCaptureFixture) -> None:
    """Not before, and not without a last attempt."""
    with clock.frozen_at(NOW):
        await mesh.deliver(factures_vues.announced(client_id=str(uuid7())))
    left = []
    for hours in (23, 25):
        with clock.frozen_at(NOW + timedelta(hours=hours)):
            await retry_orphans(mesh["dashboard"].app)
        left.append(len(await orphans(mesh)))
    assert left == [1, 0]
    assert "1 events about unknown clients are given up after a day" in caplog.text


async def test_R23_while_clients_is_away_no_orphan_is_given_up(mesh: Mesh) -> None:
    """The job fails and comes again; so the last attempt is made when clients is back."""
    with clock.frozen_at(NOW):
        await mesh.deliver(factures_vues.announced(client_id=str(uuid7())))
    async with mesh.without("clients"):
        with clock.frozen_at(NOW + timedelta(hours=25)), pytest.raises(Unavailable):
            await retry_orphans(mesh["dashboard"].app)
    assert len(await orphans(mesh)) == 1


async def test_R21_R23_an_event_that_says_too_little_is_no_orphan(mesh: Mesh) -> None:
    """It is a dead letter at once, whoever its client may be."""
    event = factures_vues.announced(client_id=str(uuid7()), montant=-1)
    await mesh.deliver(event)
    assert (await orphans(mesh), len(await mesh.dead_letters("dashboard", event))) == ([], 1)


async def test_R23_orphans_are_tried_every_five_minutes() -> None:
    """By a job that no two processes run at once."""
    assert (RETRYING.every, RETRYING.exclusive) == (timedelta(minutes=5), True)


def _client(client_id: str, org: str) -> ClientCreatedEvent:
    event = ClientCreatedEvent(event_id=str(uuid7()), client_id=client_id, organisation_id=org)
    event.created_at.CopyFrom(timestamp(NOW))
    return event


def _orphan(event: ClientCreatedEvent | InvoiceCreatedEvent) -> EvenementOrphelin:
    charge = {"clientId": event.client_id, "timestamp": event.timestamp.ToJsonString()}
    return EvenementOrphelin(event_id=uuid7(), type=event.DESCRIPTOR.name, charge=charge)
