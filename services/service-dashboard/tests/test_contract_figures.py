"""Figures of contracts in GetKpis, asked of a real contrats (R5)."""

from typing import Any

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from tests.marche import APRIL, Ventes


async def kpis(ventes: Ventes, **filters: Any) -> Any:
    """The indicators of the organisation."""
    return await ventes.ask(DashboardKpisServiceStub, "GetKpis", **filters)


@pytest.fixture
async def spring(ventes: Ventes) -> Ventes:
    """Two contracts run on 1 April, one of them ends in April; a third begins then."""
    first = await ventes.active("2026-03-10", 49.90)
    await ventes.active("2026-03-15", 100, frequence_facturation="TRIMESTRIELLE", societe_id="soc-1")
    await ventes.active("2026-04-05", 20)
    await ventes.terminated(first, "2026-04-12")
    return ventes


async def test_R03_R05_contracts_are_compared_with_the_period_before(spring: Ventes) -> None:
    """1-20 April: 2 active after 2, 53.33 a month after 83.23, 1 of 2 ended after 0 of 0."""
    answer = await kpis(spring)
    stable = pb.Variation(tendance="stable")
    assert (answer.contrats_actifs, answer.contrats_actifs_variation) == (2, stable)
    assert (answer.mrr, answer.mrr_variation) == (
        53.33,
        pb.Variation(pourcentage=35.92, tendance="baisse"),
    )
    assert (answer.taux_churn, answer.taux_churn_variation) == (
        50,
        pb.Variation(pourcentage=100, tendance="hausse"),
    )
    assert (answer.donnees_partielles, list(answer.sources_indisponibles)) == (False, [])


async def test_R05_R09_contracts_of_a_societe(spring: Ventes) -> None:
    """Its own one alone."""
    answer = await kpis(spring, societe_id="soc-1")
    assert (answer.contrats_actifs, answer.mrr, answer.taux_churn) == (1, 33.33, 0)


async def test_R01_R05_nobody_has_no_contracts_and_nothing_is_missing(spring: Ventes) -> None:
    """Without an organisation no source is asked."""
    answer = await Ventes(spring.mesh, "").ask(DashboardKpisServiceStub, "GetKpis")
    assert (answer.contrats_actifs, answer.mrr, answer.donnees_partielles) == (0, 0, False)


async def test_R05_contracts_of_another_organisation_do_not_count(spring: Ventes) -> None:
    """Contrats is asked in the name of the caller's organisation."""
    other = Ventes(spring.mesh, f"{spring.org}-autre")
    assert (await kpis(other)).contrats_actifs == 0


async def test_R05_R09_figures_of_the_future_are_those_that_contrats_tells(spring: Ventes) -> None:
    """What runs without an end known by then is active."""
    assert (await kpis(spring, **APRIL)).contrats_actifs == 2
