"""Job that looks at due reminders (R10, R11), with the real clients service."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from service_relance.execution import look_at_due
from service_relance.models import RegleRelance, Relance
from service_relance.rules import is_open
from service_testing import Mesh, eventually
from sqlalchemy import delete
from tests.rappels import planned

THURSDAY = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
DUE, LATER = {"date_prevue": date(2026, 1, 15)}, {"date_prevue": date(2026, 1, 16)}
GONE = ("IGNOREE", "CLIENT_SUPPRIME")
WAITS = ("PLANIFIEE", "")


async def look(mesh: Mesh, now: datetime = THURSDAY) -> None:
    """Run the job once, at *now*."""
    app: Any = mesh["relance"].app
    with frozen_at(now):
        await look_at_due(app)


async def statuts(mesh: Mesh, org: str) -> list[tuple[str, str]]:
    """Statut and motif of the reminders of *org*, in their order of creation."""
    stub = mesh.stub(RelanceServiceStub, organisation=org)
    listed = (await stub.List(pb.ListRelancesRequest())).relances
    return [(one.statut, one.motif) for one in sorted(listed, key=lambda one: one.cle)]


@pytest.fixture
async def client_id(mesh: Mesh, org: str) -> str:
    """Id of a client of *org*, which has neither a reminder nor a rule."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont"))
    await eventually(lambda: statuts(mesh, org))
    async with mesh.database("relance").transaction() as tx:
        for table in (Relance, RegleRelance):
            await tx.execute(delete(table).where(table.organisation_id == org))
    return client.id


async def test_R11_what_is_due_for_a_deleted_client_is_ignored(mesh: Mesh, org: str, client_id: str) -> None:
    """Reminders of a deleted client become IGNOREE on their day, and not before."""
    await planned(mesh, org, {"client_id": client_id, **DUE}, {"client_id": client_id, **LATER})
    await look(mesh)
    assert await statuts(mesh, org) == [WAITS, WAITS]
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    await clients.Delete(clients_pb2.DeleteClientBaseRequest(id=client_id))
    await look(mesh)
    assert await statuts(mesh, org) == [GONE, WAITS]
    await look(mesh, THURSDAY.replace(day=16))
    assert await statuts(mesh, org) == [GONE, GONE]


async def test_R11_clients_with_other_ids_are_not_asked_for(mesh: Mesh, org: str) -> None:
    """A reminder for an id that is no UUID stays, since clients did not make the id."""
    await planned(mesh, org, {"client_id": "client-123", **DUE})
    await look(mesh)
    assert await statuts(mesh, org) == [WAITS]


async def test_R11_a_client_of_another_organisation_is_no_client(
    mesh: Mesh, org: str, client_id: str
) -> None:
    """A client of another organisation than the reminder's is unknown there."""
    await planned(mesh, f"{org}-autre", {"client_id": client_id, **DUE})
    await look(mesh)
    assert await statuts(mesh, f"{org}-autre") == [GONE]


async def test_R11_only_what_is_planned_changes(mesh: Mesh, org: str) -> None:
    """A reminder that was cancelled stays cancelled when its client is gone."""
    gone = str(uuid7())
    await planned(mesh, org, {"client_id": gone, "statut": "ANNULEE", "motif": "REGLEE", **DUE})
    await look(mesh)
    assert await statuts(mesh, org) == [("ANNULEE", "REGLEE")]


async def test_R11_while_clients_is_away_reminders_wait(mesh: Mesh, org: str) -> None:
    """Reminders stay until clients answers; two runs at once do no more than one."""
    await planned(mesh, org, {"client_id": str(uuid7()), **DUE})
    async with mesh.without("clients"):
        await look(mesh)
        assert await statuts(mesh, org) == [WAITS]

    async def ignored() -> bool:
        await asyncio.gather(look(mesh), look(mesh))
        return await statuts(mesh, org) == [GONE]

    await eventually(ignored)


@pytest.mark.parametrize(
    ("day", "hour", "minute", "expected"),
    [
        (15, 8, 59, False),
        (15, 9, 0, True),
        (15, 18, 0, True),
        (15, 18, 1, False),
        (17, 10, 0, False),
        (18, 10, 0, False),
        (19, 10, 0, True),
    ],
)
def test_R10_reminders_are_carried_out_in_office_hours(
    day: int, hour: int, minute: int, expected: bool
) -> None:
    """Hours are 09:00 to 18:00 in Paris, summer and winter, from Monday to Friday."""
    assert is_open(datetime(2026, 1, day, hour - 1, minute, tzinfo=UTC)) == expected
    assert is_open(datetime(2026, 7, day + 1, hour - 2, minute, tzinfo=UTC)) == expected


async def test_R10_outside_these_hours_nothing_is_looked_at(mesh: Mesh, org: str) -> None:
    """A run in the evening leaves the reminders of a deleted client as they are."""
    await planned(mesh, org, {"client_id": str(uuid7()), **DUE})
    await look(mesh, THURSDAY.replace(hour=19))
    assert await statuts(mesh, org) == [WAITS]
