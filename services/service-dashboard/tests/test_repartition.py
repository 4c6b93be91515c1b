"""Split of revenue by product: amounts from a real contrats, names from a real products (R8)."""

from functools import partial
from typing import Any

import pytest
from crm.contrats.contrats_pb2 import StatistiquesProduit
from crm.dashboard.dashboard_pb2 import DashboardFilters, PartProduit
from crm.dashboard.dashboard_pb2_grpc import RepartitionProduitsServiceStub
from service_dashboard.repartition import COULEURS, split
from service_testing import Mesh, refused
from tests.marche import Ventes


def _told(**amounts: float) -> list[StatistiquesProduit]:
    return [StatistiquesProduit(produit_id=one, montant_total=amount) for one, amount in amounts.items()]


@pytest.fixture
def repartition(ventes: Ventes) -> Any:
    """Asks for the split by product."""
    return partial(ventes.ask, RepartitionProduitsServiceStub, "GetRepartitionProduits")


def test_R08_parts_are_of_the_whole_the_largest_first() -> None:
    """Of equal amounts the id decides; a name that nobody knows is made of the id."""
    parts = split(_told(b=100, c=100, a=50.5), {"b": "Box"})
    assert parts == [
        PartProduit(produit_id="b", nom_produit="Box", ca=100, pourcentage=39.92, couleur="#3B82F6"),
        PartProduit(produit_id="c", nom_produit="Produit c", ca=100, pourcentage=39.92, couleur="#10B981"),
        PartProduit(produit_id="a", nom_produit="Produit a", ca=50.5, pourcentage=20.16, couleur="#F59E0B"),
    ]


def test_R08_the_eleventh_product_has_the_first_colour_again() -> None:
    """Ten colours, in the order of the parts."""
    parts = split(_told(**{f"p{number:02}": 100 - number for number in range(11)}), {})
    assert [one.couleur for one in parts] == [*COULEURS, "#3B82F6"]


def test_R08_products_without_an_amount_are_no_part() -> None:
    """Nor is anything divided by zero."""
    (part,) = split(_told(p=0), {})
    assert (part.ca, part.pourcentage) == (0, 0)


async def test_R08_contracts_signed_in_the_period_are_split(ventes: Ventes, repartition: Any) -> None:
    """Those of March are not; a product of another system is told by its id."""
    box = await ventes.produit("Box fibre")
    await ventes.signed("2026-03-31", 999, produit_id=box)
    await ventes.signed("2026-04-05", 75.5, produit_id=box)
    await ventes.signed("2026-04-06", 24.5)
    answer = await repartition()
    assert [(one.nom_produit, one.ca, one.pourcentage) for one in answer.produits] == [
        ("Box fibre", 75.5, 75.5),
        ("Produit prod-456", 24.5, 24.5),
    ]
    assert (answer.ca_total, answer.donnees_partielles) == (100, False)


async def test_R08_a_product_keeps_its_part_of_the_whole(ventes: Ventes, repartition: Any) -> None:
    """The others are left out; no source is missing."""
    await ventes.signed("2026-04-05", 75)
    await ventes.signed("2026-04-06", 25, produit_id="prod-789")
    answer = await repartition(produit_id="prod-789")
    assert [(one.produit_id, one.pourcentage) for one in answer.produits] == [("prod-789", 25)]
    assert (answer.ca_total, answer.donnees_partielles) == (100, False)


async def test_R08_R09_a_societe_has_a_split_of_its_own(ventes: Ventes, repartition: Any) -> None:
    """What the others have sold does not count."""
    await ventes.signed("2026-04-05", 75, societe_id="soc-1")
    await ventes.signed("2026-04-06", 25)
    assert (await repartition(societe_id="soc-1")).ca_total == 75


async def test_R01_R08_a_service_names_an_organisation(mesh: Mesh) -> None:
    """The split asks no table, and is refused like the other figures."""
    stub = mesh.service_stub(RepartitionProduitsServiceStub, caller="clients")
    _, reason = await refused(stub.GetRepartitionProduits(DashboardFilters()))
    assert reason == "ORGANISATION_REQUISE"
