"""Daily job about clients without activity, with the real clients and activites services (R24)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from crm.activites.activites_pb2 import CreateActiviteRequest
from crm.activites.activites_pb2_grpc import ActiviteServiceStub
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from db_utils import Scope, clock, within
from grpc_utils import timestamp
from service_kit import AGAIN
from service_relance.inactifs import plan_inactive
from service_relance.quotidien import plan_daily
from service_testing import Mesh
from service_testing.fixtures import of_member
from tests.rappels import confirmed, done_today, patiently, without

clients = of_member(ClientBaseServiceStub)
activites = of_member(ActiviteServiceStub)

CREATED = datetime(2026, 1, 5, 9, tzinfo=UTC)
TODAY = "2026-04-07"  # Easter Monday is the day before


@pytest.fixture
def creation() -> Iterator[None]:
    """Morning of Monday 5 January, at which the clock stands still."""
    with clock.frozen_at(CREATED):
        yield


@pytest.fixture
async def rule(creation: None, regles: RegleRelanceServiceStub) -> pb.RegleRelance:
    """Rule that has a client called ninety days after the last activity."""
    return await regles.Create(
        pb.CreateRegleRelanceRequest(
            nom="Sans nouvelles",
            declencheur="INACTIVITE_CLIENT",
            delai_jours=90,
            action_type="CREER_TACHE",
        )
    )


async def run(mesh: Mesh, org: str, days: int) -> None:
    """Do the day's work for *org* so many days after the creation."""
    with clock.frozen_at(CREATED + timedelta(days=days)), within(Scope(org)):
        await patiently(lambda: plan_inactive(mesh["relance"].app))


async def planned(relances: RelanceServiceStub) -> list[pb.Relance]:
    """Reminders about inactive clients, the earliest first."""
    listed = await relances.List(pb.ListRelancesRequest(declencheur="INACTIVITE_CLIENT"))
    return list(listed.relances)


async def client(clients: ClientBaseServiceStub, **fields: Any) -> str:
    """Id of a new client."""
    return (await clients.Create(clients_pb2.CreateClientBaseRequest(**{"nom": "Dupont", **fields}))).id


async def active(activites: ActiviteServiceStub, client_id: str, days: int) -> None:
    """Note a call so many days after the creation."""
    moment = timestamp(CREATED + timedelta(days=days))
    await activites.Create(
        CreateActiviteRequest(
            type_code="APPEL", sujet="Appel", client_base_id=client_id, date_activite=moment
        )
    )


async def test_R24_a_client_without_activity_is_called_at_once(
    rule: pb.RegleRelance,
    mesh: Mesh,
    org: str,
    clients: ClientBaseServiceStub,
    relances: RelanceServiceStub,
) -> None:
    """Ninety days after its creation, on the next day of work, once."""
    client_id = await client(clients, societe_id="soc-1")
    await client(clients, statut="INACTIF")
    await run(mesh, org, 89)
    assert await planned(relances) == []
    for days in (90, 91, 92):  # 5 April is Easter Sunday
        await run(mesh, org, days)
    await confirmed(mesh, org)
    (relance,) = await planned(relances)
    assert (relance.client_id, relance.societe_id, relance.regle_id, relance.date_prevue, relance.cle) == (
        client_id,
        "soc-1",
        rule.id,
        TODAY,
        f"inactif:{client_id}:2026-01-05",
    )


async def test_R24_an_activity_begins_the_time_anew(
    rule: pb.RegleRelance,
    mesh: Mesh,
    org: str,
    clients: ClientBaseServiceStub,
    activites: ActiviteServiceStub,
    relances: RelanceServiceStub,
) -> None:
    """Each time without activity has its own reminder; a planned meeting is an activity."""
    client_id, meets = await client(clients), await client(clients)
    await active(activites, client_id, 40)
    await active(activites, meets, 400)
    for days in (90, 129, 130):
        await run(mesh, org, days)
    await active(activites, client_id, 135)
    for days in (200, 225):
        await run(mesh, org, days)
    days_known = [one.cle.rpartition(":")[2] for one in await planned(relances)]
    assert {one.client_id for one in await planned(relances)} == {client_id}
    assert days_known == [(date(2026, 1, 5) + timedelta(days=days)).isoformat() for days in (40, 135)]


async def test_R24_a_societe_may_wait_longer(
    rule: pb.RegleRelance,
    mesh: Mesh,
    org: str,
    clients: ClientBaseServiceStub,
    regles: RegleRelanceServiceStub,
    relances: RelanceServiceStub,
) -> None:
    """Clients of soc-1 are called after a hundred days, the others after ninety."""
    await regles.Create(
        pb.CreateRegleRelanceRequest(
            societe_id="soc-1",
            nom="Sans nouvelles",
            declencheur="INACTIVITE_CLIENT",
            delai_jours=100,
            action_type="CREER_TACHE",
        )
    )
    ours, others = await client(clients, societe_id="soc-1"), await client(clients)
    await run(mesh, org, 92)
    assert [one.client_id for one in await planned(relances)] == [others]
    await run(mesh, org, 100)
    assert [one.client_id for one in await planned(relances)] == [others, ours]


async def test_R24_while_activites_is_away_the_day_waits(
    rule: pb.RegleRelance,
    mesh: Mesh,
    org: str,
    clients: ClientBaseServiceStub,
    relances: RelanceServiceStub,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next run makes it good."""
    app, later = mesh["relance"].app, CREATED + timedelta(days=92)
    client_id = await client(clients)
    async with without(mesh, "activites"):
        with clock.frozen_at(later):
            assert await plan_daily(app) is AGAIN
        assert "daily reminders (inactifs) wait" in caplog.text
    assert await planned(relances) == []
    with clock.frozen_at(later):
        await done_today(mesh, "inactifs", org)
    assert [one.client_id for one in await planned(relances)] == [client_id]
