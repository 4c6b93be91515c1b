"""Figures of each société: names from a real organisations, contracts from a real contrats (R9)."""

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub, StatsSocietesServiceStub
from tests.clients_vus import seen
from tests.factures_vues import issued
from tests.marche import Ventes
from tests.paiements_vus import received

APRIL_10 = datetime(2026, 4, 10, 10, tzinfo=UTC)
MARCH_20 = datetime(2026, 3, 20, 10, tzinfo=UTC)
DUE: dict[str, Any] = {"date_echeance": date(2026, 4, 15)}


@pytest.fixture
def stats(ventes: Ventes) -> Any:
    """Asks for the figures of each société."""
    return partial(ventes.ask, StatsSocietesServiceStub, "GetStatsSocietes")


async def test_R09_a_societe_has_its_contracts_revenue_and_clients(ventes: Ventes, stats: Any) -> None:
    """One of two contracts ended, one of two invoices is late, two new clients after one."""
    mesh, org = ventes.mesh, ventes.org
    nord = await ventes.societe("Nord")
    await ventes.active("2026-03-10", 49.90, societe_id=nord)
    ended = await ventes.active("2026-03-10", 20, societe_id=nord)
    await ventes.terminated(ended, "2026-04-12")
    await issued(mesh, org, APRIL_10, "100", societe_id=nord, **DUE)
    await issued(mesh, org, APRIL_10, "50.50", societe_id=nord)
    await seen(mesh, org, MARCH_20, APRIL_10, APRIL_10, societe_id=nord)
    (told,) = (await stats()).societes
    assert told == pb.StatsSociete(
        societe_id=nord,
        nom_societe="Nord",
        contrats_actifs=1,
        mrr=49.90,
        arr=598.80,
        ca=150.50,
        taux_churn=50,
        taux_impayes=50,
        nouveaux_clients=2,
        nouveaux_clients_variation=pb.Variation(pourcentage=100, tendance="hausse"),
    )


async def test_R09_a_societe_without_anything_is_listed_with_zeros(ventes: Ventes, stats: Any) -> None:
    """In the order of the names; what belongs to no société is in none."""
    sud, nord = await ventes.societe("Sud"), await ventes.societe("Nord")
    await issued(ventes.mesh, ventes.org, APRIL_10)
    await seen(ventes.mesh, ventes.org, APRIL_10)
    answer = await stats()
    assert [one.societe_id for one in answer.societes] == [nord, sud]
    assert [(one.ca, one.nouveaux_clients, one.mrr) for one in answer.societes] == [(0, 0, 0)] * 2
    assert (answer.total, answer.donnees_partielles) == (2, False)


async def test_R09_one_societe_is_asked_for(ventes: Ventes, stats: Any) -> None:
    """The others are left out."""
    nord, _ = await ventes.societe("Nord"), await ventes.societe("Sud")
    answer = await stats(societe_id=nord)
    assert ([one.nom_societe for one in answer.societes], answer.total) == (["Nord"], 1)


async def test_R06_R09_a_societe_is_late_as_its_own_filter_says(ventes: Ventes, stats: Any) -> None:
    """Receipts of one société cover no invoice of another, but for the invoice that they name."""
    mesh, org = ventes.mesh, ventes.org
    nord, sud = await ventes.societe("Nord"), await ventes.societe("Sud")
    for societe_id in (nord, sud):
        await issued(mesh, org, APRIL_10, "100", societe_id=societe_id, **DUE)
        named = await issued(mesh, org, APRIL_10, "70", societe_id=societe_id, **DUE)
        await received(mesh, org, APRIL_10, "70", facture_id=named.invoice_id, societe_id="soc-autre")
    await received(mesh, org, APRIL_10, "100", societe_id=nord)
    rates = {one.nom_societe: one.taux_impayes for one in (await stats()).societes}
    filtered = [
        (await ventes.ask(DashboardKpisServiceStub, "GetKpis", societe_id=one)).taux_impayes
        for one in (nord, sud)
    ]
    assert (rates, filtered) == ({"Nord": 0, "Sud": 50}, [0, 50])


async def test_R09_societes_of_another_organisation_are_not_listed(ventes: Ventes, stats: Any) -> None:
    """Organisations is asked in the name of the caller's organisation."""
    await Ventes(ventes.mesh, f"{ventes.org}-autre").societe("Nord")
    assert (await stats()).total == 0
