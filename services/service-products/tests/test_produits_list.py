"""Lists of products, and the promotions that they are filtered by (R6, R8, R9)."""

from datetime import timedelta
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GammeServiceStub, ProduitServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import pages, refused
from tests.making import Catalogue

DAY = timedelta(days=1)


async def skus(produits: ProduitServiceStub, **fields: Any) -> list[str]:
    """The skus on all pages of a list with *fields*, in order."""
    request = pb.ListProduitsRequest(**fields)
    return [produit.sku async for page in pages(produits.List, request) for produit in page.produits]


@pytest.fixture
async def four(catalogue: Catalogue, gammes: GammeServiceStub) -> pb.Gamme:
    """Four products; A is in a gamme, which is answered."""
    gamme = await gammes.Create(pb.CreateGammeRequest(code="a", nom="A"))
    for sku, nom, prix, fields in (
        ("A", "Œuvre d'art", 30, {"gamme_id": gamme.id, "categorie": "ASSURANCE", "type": "PARTENAIRE"}),
        ("B", "élan", 10, {"description": "100 % gratuit", "statut_cycle": "TEST"}),
        ("C", "Zone", 20, {"description": "Un coffre" + 1_000 * " fort" + " et sa serrure"}),
        ("D", "Fanny", 20, {}),
    ):
        await catalogue.produit(sku=sku, nom=nom, prix=prix, **fields)
    (d,) = (await catalogue.produits.List(pb.ListProduitsRequest(search="fanny"))).produits
    await catalogue.produits.Update(pb.UpdateProduitRequest(id=d.id, actif=False))
    return gamme


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "BDAC"),
        ({"actif": True}, "BAC"),
        ({"actif": False}, "D"),
        ({"categorie": "ASSURANCE"}, "A"),
        ({"type": "INTERNE"}, "BDC"),
        ({"statut_cycle": "TEST"}, "B"),
        ({"search": "coffre un"}, "C"),
        ({"search": "serrure"}, "C"),
        ({"search": "oeuvre"}, "A"),
        ({"search": "0 %"}, "B"),
        ({"search": "d"}, "DA"),
        ({"search": "_"}, ""),
        ({"gamme_id": "x"}, ""),
        ({"pagination": Pagination(sort_by="sku", sort_order="desc", page_size=1)}, "DCBA"),
        ({"pagination": Pagination(sort_by="prix", page_size=1)}, "BCDA"),
        ({"pagination": Pagination(sort_by="created_at", page_size=3)}, "ABCD"),
    ],
)
async def test_R6_a_list_is_filtered_searched_and_sorted(
    produits: ProduitServiceStub, four: pb.Gamme, fields: dict[str, Any], expected: str
) -> None:
    """By name unless another sort is asked for; what is absent filters nothing."""
    assert await skus(produits, **fields) == list(expected)


async def test_R6_a_list_of_a_gamme(produits: ProduitServiceStub, four: pb.Gamme) -> None:
    """Only its products."""
    assert await skus(produits, gamme_id=four.id) == ["A"]


async def test_R6_products_in_promotion(catalogue: Catalogue) -> None:
    """Now, page by page; the others are those without, with one to come and with one that is over."""
    now = clock.now()
    for sku, dates in {
        "OUVERTE": {},
        "EN_COURS": {"date_debut": timestamp(now - DAY), "date_fin": timestamp(now + DAY)},
        "FINIE": {"date_debut": timestamp(now - 2 * DAY), "date_fin": timestamp(now - DAY)},
        "FUTURE": {"date_debut": timestamp(now + DAY)},
    }.items():
        produit = await catalogue.produit(sku=sku, nom=sku)
        told = await catalogue.produits.SetPromotion(
            pb.SetPromotionRequest(produit_id=produit.id, prix_promotion=39, **dates)
        )
        assert told.promotion_active == (sku in ("OUVERTE", "EN_COURS"))
    await catalogue.produit(sku="SANS", nom="SANS")
    one_by_one = Pagination(page_size=1)
    listed = [
        await skus(catalogue.produits, en_promotion=wanted, pagination=one_by_one) for wanted in (True, False)
    ]
    assert listed == [["EN_COURS", "OUVERTE"], ["FINIE", "FUTURE", "SANS"]]


async def test_R8_a_promotion_replaces_the_former_one(
    produits: ProduitServiceStub, produit: pb.Produit
) -> None:
    """With its dates; clearing it twice changes nothing the second time."""
    now = clock.now().replace(microsecond=0)
    dates = {"date_debut": timestamp(now - DAY), "date_fin": timestamp(now + DAY)}
    first = await produits.SetPromotion(
        pb.SetPromotionRequest(produit_id=produit.id, prix_promotion=39, **dates)
    )
    told = (first.prix_promotion, first.date_debut_promotion, first.date_fin_promotion)
    assert told == (39, dates["date_debut"], dates["date_fin"])
    second = await produits.SetPromotion(pb.SetPromotionRequest(produit_id=produit.id, prix_promotion=0))
    assert (second.HasField("prix_promotion"), second.prix_promotion) == (True, 0)
    assert (second.HasField("date_fin_promotion"), second.promotion_active) == (False, True)
    cleared = [
        await produits.ClearPromotion(pb.ClearPromotionRequest(produit_id=produit.id)) for _ in range(2)
    ]
    assert cleared[0] == cleared[1]
    assert (cleared[0].HasField("prix_promotion"), cleared[0].version) == (False, 4)


async def test_R8_a_promotion_is_refused_to_what_is_not_there(
    produits: ProduitServiceStub, foreign_produits: ProduitServiceStub, produit: pb.Produit
) -> None:
    """An unknown product, and one of another organisation; also one that is too dear."""
    for stub, identity in ((produits, "x"), (foreign_produits, produit.id)):
        request = pb.SetPromotionRequest(produit_id=identity, prix_promotion=1)
        assert await refused(stub.SetPromotion(request)) == (StatusCode.NOT_FOUND, "INTROUVABLE")
        clear = pb.ClearPromotionRequest(produit_id=identity)
        assert await refused(stub.ClearPromotion(clear)) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    dear = pb.SetPromotionRequest(produit_id=produit.id, prix_promotion=60)
    assert await refused(produits.SetPromotion(dear)) == (StatusCode.INVALID_ARGUMENT, "PROMOTION_INVALIDE")
