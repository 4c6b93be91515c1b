"""What relance asks of factures: whether an invoice is still owed (R11), and when it is due (R6)."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.factures.factures_pb2 import Facture
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from service_relance.execution import look_at_due
from service_relance.rules import is_settled
from service_testing import Mesh, eventually
from tests.comptabilite import Comptabilite
from tests.rappels import issued, planned

FRIDAY = datetime(2026, 2, 20, 9, 30, tzinfo=UTC)
DUE = {"declencheur": "IMPAYE", "niveau": 1, "date_prevue": date(2026, 2, 20)}
LATER = {"declencheur": "IMPAYE", "niveau": 2, "date_prevue": date(2026, 3, 9)}
SETTLED, WAITS = ("IGNOREE", "REGLEE"), ("PLANIFIEE", "")


async def look(mesh: Mesh) -> None:
    """Run the job once, on the day of level 1."""
    app: Any = mesh["relance"].app
    with frozen_at(FRIDAY):
        await look_at_due(app)


async def reminders(mesh: Mesh, org: str) -> list[pb.Relance]:
    """Reminders of *org* about unpaid invoices, the earliest first."""
    stub = mesh.stub(RelanceServiceStub, organisation=org)
    return list((await stub.List(pb.ListRelancesRequest(declencheur="IMPAYE"))).relances)


async def statuts(mesh: Mesh, org: str) -> list[tuple[str, str]]:
    """Statut and motif of these reminders."""
    return [(one.statut, one.motif) for one in await reminders(mesh, org)]


def known(factures: Comptabilite, org: str, **fields: Any) -> str:
    """Id of an invoice of *org* that factures knows, of 49.90 euros that nobody has paid."""
    usual: dict[str, Any] = {
        "id": str(uuid7()),
        "organisation_id": org,
        "statut": "EMISE",
        "solde": 49.9,
    }
    facture = Facture(**(usual | fields))
    factures[facture.id] = facture
    return facture.id


@pytest.mark.parametrize(
    ("statut", "solde", "settled"),
    [
        ("EMISE", 49.9, False),
        ("PARTIELLEMENT_PAYEE", 0.01, False),
        ("PARTIELLEMENT_PAYEE", 0, True),
        ("PAYEE", 0, True),
        ("ANNULEE", 49.9, True),
    ],
)
def test_R11_an_invoice_is_settled_when_nothing_is_owed(statut: str, solde: float, settled: bool) -> None:
    """Paid, cancelled, or with nothing left to pay; half paid is not."""
    assert is_settled(Facture(statut=statut, solde=solde)) == settled


async def test_R11_what_is_due_for_a_settled_invoice_is_ignored(
    mesh: Mesh, org: str, factures: Comptabilite
) -> None:
    """The level of the day is ignored, the next one waits for its day; another invoice is untouched."""
    paid, owed = known(factures, org, statut="PAYEE", solde=0), known(factures, org)
    await planned(
        mesh, org, {"facture_id": paid, **DUE}, {"facture_id": owed, **DUE}, {"facture_id": paid, **LATER}
    )
    await look(mesh)
    assert await statuts(mesh, org) == [SETTLED, WAITS, WAITS]


async def test_R11_invoices_that_factures_did_not_make_or_does_not_know_keep_their_reminders(
    mesh: Mesh, org: str, factures: Comptabilite, caplog: pytest.LogCaptureFixture
) -> None:
    """An id that is no UUID is not asked for; one of another organisation is logged."""
    foreign = known(factures, f"{org}-autre", statut="PAYEE", solde=0)
    await planned(mesh, org, {"facture_id": "facture-7", **DUE}, {"facture_id": foreign, **DUE})
    await look(mesh)
    assert await statuts(mesh, org) == [WAITS, WAITS]
    assert f"reminders about invoice {foreign} wait: factures does not know it" in caplog.text
    assert "facture-7" not in caplog.text


async def test_R11_while_factures_is_away_reminders_wait_but_not_those_of_deleted_clients(
    mesh: Mesh, org: str, factures: Comptabilite
) -> None:
    """A run without factures ignores what clients tells; the next one with factures does the rest."""
    paid = known(factures, org, statut="PAYEE", solde=0)
    await planned(mesh, org, {"facture_id": paid, **DUE}, {"client_id": str(uuid7()), **LATER, **DUE})
    async with mesh.without("factures"):
        await look(mesh)
        assert await statuts(mesh, org) == [WAITS, ("IGNOREE", "CLIENT_SUPPRIME")]

    async def ignored() -> bool:
        await asyncio.gather(look(mesh), look(mesh))
        return (await statuts(mesh, org))[0] == SETTLED

    await eventually(ignored)


async def test_R06_a_due_date_that_the_event_does_not_tell_is_asked_of_factures(
    mesh: Mesh, org: str, factures: Comptabilite, caplog: pytest.LogCaptureFixture
) -> None:
    """The event waits while factures is away."""
    facture_id = known(factures, org, date_echeance="2026-02-05")
    event = issued(organisation_id=org, invoice_id=facture_id, date_echeance=None)
    async with mesh.without("factures"):
        delivery = asyncio.create_task(mesh.deliver(event))
        await eventually(lambda: "relance--invoice-created waits: DependanceIndisponible" in caplog.text)
        assert await reminders(mesh, org) == []
    await delivery
    assert [(one.date_echeance, one.date_prevue) for one in await reminders(mesh, org)] == [
        ("2026-02-05", "2026-02-20"),
        ("2026-02-05", "2026-03-09"),
        ("2026-02-05", "2026-03-23"),
    ]


@pytest.mark.parametrize("fields", [{}, {"organisation_id": "org-autre"}])
async def test_R06_a_due_date_that_nobody_tells_is_the_legal_one(
    mesh: Mesh, org: str, factures: Comptabilite, fields: dict[str, str]
) -> None:
    """Thirty days after 22 January, whether the invoice has none or is that of somebody else."""
    facture_id = known(factures, org, **fields)
    await mesh.deliver(issued(organisation_id=org, invoice_id=facture_id, date_echeance=None))
    assert {one.date_echeance for one in await reminders(mesh, org)} == {"2026-02-21"}
