"""PrixProduitService: prices of products in grids, and their history (R12)."""

import asyncio
from typing import Any

import psycopg
import pytest
from crm.common.common_pb2 import Pagination
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GrilleTarifaireServiceStub, ProduitServiceStub
from db_utils import parse_uuid, unscoped, uuid7
from grpc import StatusCode
from service_products.models import HistoriquePrix
from service_testing import Mesh, refusal, refused
from sqlalchemy import bindparam, delete, select, update
from tests.making import Catalogue, item

MISSING = (StatusCode.NOT_FOUND, "INTROUVABLE")
_HISTORY = (
    select(HistoriquePrix)
    .where(HistoriquePrix.prix_produit_id == bindparam("prix"))
    .order_by(HistoriquePrix.id)
)


async def history(mesh: Mesh, prix: pb.PrixProduit) -> list[HistoriquePrix]:
    """What happened to *prix*, the first change first."""
    with unscoped():
        return await mesh.database("products").read().all(_HISTORY, prix=parse_uuid(prix.id))


async def test_R12_prices_are_made_and_replaced(catalogue: Catalogue, org: str) -> None:
    """A second price replaces all that the first one said; the same one again is no change."""
    grille, produit, other = await catalogue.grille(), await catalogue.produit(), await catalogue.produit()
    terms: dict[str, Any] = {"remise_pourcent": 12.5, "prix_minimum": 40, "prix_maximum": 60, "actif": False}
    made = await catalogue.set(grille, item(produit, 49.9, **terms), item(other, 0))
    assert (made.crees, made.modifies) == (2, 0)
    expected = pb.PrixProduit(
        id=made.prix[0].id,
        organisation_id=org,
        grille_tarifaire_id=grille.id,
        produit_id=produit.id,
        prix_unitaire=49.9,
        created_at=made.prix[0].created_at,
        updated_at=made.prix[0].created_at,
        version=1,
        **terms,
    )
    assert expected == made.prix[0]
    again = await catalogue.set(grille, item(other, 0), item(produit, 45))
    assert (again.crees, again.modifies, again.prix[0]) == (0, 1, made.prix[1])
    expected = pb.PrixProduit(
        id=made.prix[0].id,
        organisation_id=org,
        grille_tarifaire_id=grille.id,
        produit_id=produit.id,
        prix_unitaire=45,
        actif=True,
        created_at=made.prix[0].created_at,
        updated_at=again.prix[1].updated_at,
        version=2,
    )
    assert expected == again.prix[1]


async def test_R12_every_change_is_in_the_history(mesh: Mesh, catalogue: Catalogue, org: str) -> None:
    """What a price was, what it became and who did it; nothing for what did not change."""
    grille, produit = await catalogue.grille(), await catalogue.produit()
    for prix in (49.9, 49.9, 45):
        answer = await catalogue.set(grille, item(produit, prix))
    first, second = await history(mesh, answer.prix[0])
    terms = {"remise_pourcent": "0.00", "prix_minimum": None, "prix_maximum": None, "actif": True}
    before, after = {"prix_unitaire": "49.90", **terms}, {"prix_unitaire": "45.00", **terms}
    assert (first.ancien, first.nouveau, second.ancien, second.nouveau) == (None, before, before, after)
    assert {one.organisation_id for one in (first, second)} == {org}
    assert first.auteur_id == second.auteur_id != ""


async def test_R12_the_history_is_never_changed(mesh: Mesh, catalogue: Catalogue) -> None:
    """The table refuses it."""
    grille, produit = await catalogue.grille(), await catalogue.produit()
    await catalogue.set(grille, item(produit))
    for statement in (update(HistoriquePrix).values(auteur_id="x"), delete(HistoriquePrix)):
        with unscoped(), pytest.raises(psycopg.errors.RaiseException):
            async with mesh.database("products").transaction() as tx:
                await tx.execute(statement)


async def test_R12_a_call_sets_all_prices_or_none(
    catalogue: Catalogue, foreign_produits: ProduitServiceStub, foreign_grilles: GrilleTarifaireServiceStub
) -> None:
    """Unknown and foreign products, wrong prices and doubles refuse the whole call."""
    grille, produit = await catalogue.grille(), await catalogue.produit()
    foreign = await foreign_produits.Create(pb.CreateProduitRequest(sku="a", nom="A"))
    unknown = pb.Produit(id=str(uuid7()))
    for bad in (foreign, unknown):
        answer = await refusal(catalogue.set(grille, item(produit), item(bad)))
        named = {"champ": "produit_id", "entree": "items[1]", "produit_id": bad.id}
        assert (answer.code, answer.metadata) == (MISSING[0], named)
    dear = item(await catalogue.produit(), 1, prix_minimum=2, prix_maximum=1)
    assert (await refusal(catalogue.set(grille, item(produit), dear))).reason == "BORNES_INVALIDES"
    assert (await refusal(catalogue.set(grille, item(produit), item(produit)))).reason == "PRODUIT_EN_DOUBLE"
    abroad = await foreign_grilles.Create(pb.CreateGrilleTarifaireRequest(nom="A"))
    for bad_grid in (abroad, pb.GrilleTarifaire(id="x")):
        assert await refused(catalogue.set(bad_grid, item(produit))) == MISSING
    listed = await catalogue.prix.List(pb.ListPrixProduitsRequest(grille_tarifaire_id=grille.id))
    assert not listed.prix


async def test_R12_a_call_has_a_grid_and_1_to_100_items(catalogue: Catalogue) -> None:
    """100 are set; fewer than one, more than 100 and no grid are refused."""
    grille = await catalogue.grille()
    made = await asyncio.gather(*(catalogue.produit() for _ in range(100)))
    answer = await catalogue.set(grille, *map(item, made))
    assert (answer.crees, [one.produit_id for one in answer.prix]) == (100, [one.id for one in made])
    reasons = [
        (await refusal(call)).reason
        for call in (
            catalogue.set(grille),
            catalogue.set(grille, *map(item, [*made, made[0]])),
            catalogue.set(pb.GrilleTarifaire(), item(made[0])),
        )
    ]
    assert reasons == ["CHAMP_REQUIS", "TROP_D_ENTREES", "CHAMP_REQUIS"]


async def test_R12_calls_at_once_come_one_after_the_other(mesh: Mesh, catalogue: Catalogue) -> None:
    """One row for each product, the price of the last writer, a row of the history for each change."""
    grille, produits = await catalogue.grille(), [await catalogue.produit() for _ in range(3)]
    backwards = produits[::-1]
    calls = (
        catalogue.set(grille, *(item(one, prix) for one in (produits, backwards)[prix % 2]))
        for prix in range(1, 9)
    )
    answers = await asyncio.gather(*calls)
    assert sum(answer.crees for answer in answers) == 3
    assert sum(answer.modifies for answer in answers) == 21
    listed = (await catalogue.prix.List(pb.ListPrixProduitsRequest(grille_tarifaire_id=grille.id))).prix
    assert sorted(one.produit_id for one in listed) == sorted(one.id for one in produits)
    for one in listed:
        changes = await history(mesh, one)
        prices = [change.nouveau["prix_unitaire"] for change in changes]
        assert (len(changes), f"{one.prix_unitaire:.2f}") == (8, prices[-1])
        assert [change.ancien and change.ancien["prix_unitaire"] for change in changes[1:]] == prices[:-1]


async def test_R12_prices_are_listed_by_grid_or_product(catalogue: Catalogue) -> None:
    """One of the two must be named; the newest first."""
    first, second = await catalogue.grille(), await catalogue.grille()
    produit, other = await catalogue.produit(), await catalogue.produit()
    await catalogue.set(first, item(produit, 2), item(other, 1, actif=False))
    await catalogue.set(second, item(produit, 3))
    expected: list[tuple[dict[str, Any], list[float]]] = [
        ({"grille_tarifaire_id": first.id, "pagination": Pagination(sort_by="prix_unitaire")}, [1, 2]),
        ({"grille_tarifaire_id": first.id, "actif": True}, [2]),
        ({"grille_tarifaire_id": first.id, "actif": False}, [1]),
        ({"produit_id": produit.id}, [3, 2]),
        ({"produit_id": produit.id, "grille_tarifaire_id": second.id}, [3]),
        ({"grille_tarifaire_id": "x"}, []),
    ]
    for fields, prices in expected:
        answer = await catalogue.prix.List(pb.ListPrixProduitsRequest(**fields))
        assert [one.prix_unitaire for one in answer.prix] == prices
    refused_list = await refusal(catalogue.prix.List(pb.ListPrixProduitsRequest()))
    assert (refused_list.reason, refused_list.metadata) == ("CHAMP_REQUIS", {"champ": "grille_tarifaire_id"})
