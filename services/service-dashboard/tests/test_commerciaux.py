"""GetKpisCommerciaux over invoices, clients, and the real services that it asks (R11, R12, R13)."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from crm.commerciaux.commerciaux_pb2 import DesactiverApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import KpisCommerciauxServiceStub
from tests.clients_vus import seen
from tests.factures_vues import issued
from tests.marche import APRIL, Ventes

MARCH_20, APRIL_10 = (datetime(2026, *day, 10, tzinfo=UTC) for day in ((3, 20), (4, 10)))


@pytest.fixture
def kpis(ventes: Ventes) -> Any:
    """Asks for the figures of sales."""
    return partial(ventes.ask, KpisCommerciauxServiceStub, "GetKpisCommerciaux")


async def test_R11_figures_of_sales_are_compared_with_the_period_before(ventes: Ventes, kpis: Any) -> None:
    """3 clients in April after 1; 2 contracts to 4 clients after 1 to 1; 150 € a basket after 100 €."""
    mesh, org = ventes.mesh, ventes.org
    await seen(mesh, org, MARCH_20, APRIL_10, APRIL_10, APRIL_10)
    for day in ("2026-03-20", "2026-04-10", "2026-04-11"):
        await ventes.signed(day)
    for instant, montant in ((MARCH_20, "100"), (APRIL_10, "100"), (APRIL_10, "200")):
        await issued(mesh, org, instant, montant)
    answer = await kpis(**APRIL)
    assert (answer.nouveaux_clients_mois, answer.nouveaux_clients_mois_variation) == (
        3,
        pb.Variation(pourcentage=200, tendance="hausse"),
    )
    assert (answer.taux_conversion, answer.taux_conversion_variation) == (
        50,
        pb.Variation(pourcentage=50, tendance="baisse"),
    )
    assert (answer.panier_moyen, answer.panier_moyen_variation) == (
        150,
        pb.Variation(pourcentage=50, tendance="hausse"),
    )


async def test_R11_without_invoices_and_clients_all_is_zero(ventes: Ventes, kpis: Any) -> None:
    """Nothing is divided by zero."""
    await ventes.signed("2026-04-10")
    answer = await kpis()
    assert (answer.taux_conversion, answer.panier_moyen, answer.ca_previsionnel_3_mois) == (0, 0, 0)
    assert answer.panier_moyen_variation == pb.Variation(tendance="stable")


async def test_R09_R11_a_societe_has_its_own_sales(ventes: Ventes, kpis: Any) -> None:
    """Clients, contracts and invoices of others do not count."""
    mesh, org = ventes.mesh, ventes.org
    for societe_id, montant in (("soc-1", "100"), ("", "900")):
        await seen(mesh, org, APRIL_10, APRIL_10, societe_id=societe_id or None)
        await issued(mesh, org, APRIL_10, montant, societe_id=societe_id)
    await ventes.signed("2026-04-10", societe_id="soc-1")
    answer = await kpis(societe_id="soc-1")
    assert (answer.nouveaux_clients_mois, answer.taux_conversion, answer.panier_moyen) == (2, 50, 100)


async def test_R12_the_last_six_full_months_say_what_the_next_three_should_bring(
    ventes: Ventes, kpis: Any
) -> None:
    """10 to 60 from October to March: 240, whatever April has brought and the filters say."""
    for number, (year, month) in enumerate(
        ((2025, 10), (2025, 11), (2025, 12), (2026, 1), (2026, 2), (2026, 3))
    ):
        day = datetime(year, month, 10, tzinfo=UTC)
        await issued(ventes.mesh, ventes.org, day, str(10 * (number + 1)))
    await issued(ventes.mesh, ventes.org, APRIL_10, "9999")
    told = [(await kpis(**filters)).ca_previsionnel_3_mois for filters in ({}, {"date_debut": "2026-01-01"})]
    assert told == [240, 240]


async def test_R13_apporteurs_are_ranked_by_what_the_services_tell(ventes: Ventes, kpis: Any) -> None:
    """Active or not; contracts of other periods do not count."""
    ada, bob = await ventes.apporteur("Ada", "Martin"), await ventes.apporteur("Bob", "Dupont")
    for number in range(4):
        await ventes.client_of(ada, f"Client d'Ada {number}")
    await ventes.client_of(bob, "Client de Bob")
    for commercial_id, montant in ((ada, 100), (ada, 100), (bob, 500)):
        await ventes.signed("2026-04-10", montant, commercial_id=commercial_id)
    await ventes.signed("2026-03-10", 9999, commercial_id=ada)
    stub = ventes.mesh.stub(ApporteurServiceStub, organisation=ventes.org)
    await stub.Desactiver(DesactiverApporteurRequest(id=bob))
    answer = await kpis()
    rankings = (answer.classement_par_ventes, answer.classement_par_ca, answer.classement_par_conversion)
    assert [[(one.nom_complet, one.valeur, one.rang) for one in ranking] for ranking in rankings] == [
        [("Ada Martin", 2, 1), ("Bob Dupont", 1, 2)],
        [("Bob Dupont", 500, 1), ("Ada Martin", 200, 2)],
        [("Bob Dupont", 100, 1), ("Ada Martin", 50, 2)],
    ]


async def test_R01_R13_nobody_has_no_ranking(ventes: Ventes) -> None:
    """Nor do other organisations' apporteurs stand in one."""
    await ventes.apporteur("Ada", "Martin")
    answers = [
        await Ventes(ventes.mesh, org).ask(KpisCommerciauxServiceStub, "GetKpisCommerciaux")
        for org in ("", f"{ventes.org}-autre")
    ]
    assert [list(one.classement_par_ca) for one in answers] == [[], []]
