"""CatalogService: what products cost, one by one and as a list (R13 to R18)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import CatalogServiceStub, GammeServiceStub, GrilleTarifaireServiceStub
from db_utils import uuid7
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, pages, refusal, refused
from tests.making import Catalogue, item

MISSING = (StatusCode.NOT_FOUND, "INTROUVABLE")
PRECONDITION = StatusCode.FAILED_PRECONDITION
DAYS = ("2026-06-15", "2026-07-15", "2026-08-15")


@pytest.fixture
async def example(catalogue: Catalogue) -> dict[str, str]:
    """The product and the grids of R13: their ids."""
    produit = await catalogue.produit(sku="EX", nom="Exemple")
    g0 = await catalogue.grille(nom="BASE", est_par_defaut=True)
    ete = await catalogue.grille(nom="ÉTÉ", date_debut="2026-07-01", date_fin="2026-08-31")
    await catalogue.set(g0, item(produit, 49.9, remise_pourcent=12.5, prix_minimum=40))
    await catalogue.set(ete, item(produit, 45))
    debut, fin = datetime(2026, 8, 10, tzinfo=UTC), datetime(2026, 8, 20, tzinfo=UTC)
    await catalogue.produits.SetPromotion(
        pb.SetPromotionRequest(
            produit_id=produit.id, prix_promotion=39, date_debut=timestamp(debut), date_fin=timestamp(fin)
        )
    )
    return {"": "", "produit": produit.id, "BASE": g0.id, "ÉTÉ": ete.id}


def price_of(produit: str, **fields: Any) -> pb.CalculatePriceRequest:
    """Request for the price of the product of this id."""
    return pb.CalculatePriceRequest(produit_id=produit, **fields)


EXAMPLES = [
    (
        {"date": "2026-06-15", "quantite": 3},
        (49.9, 12.5, 43.66, 130.98, 26.2, 157.18, "grille", "BASE"),
    ),
    ({"date": "2026-07-15"}, (45, 0, 45, 45, 9, 54, "grille", "ÉTÉ")),
    ({"date": "2026-08-15"}, (39, 0, 39, 39, 7.8, 46.8, "promotion", "ÉTÉ")),
    (
        {"date": "2026-06-15", "remise_additionnelle": 20},
        (49.9, 32.5, 40, 40, 8, 48, "grille", "BASE"),
    ),
]


@pytest.mark.parametrize(("fields", "expected"), EXAMPLES)
async def test_R13_the_worked_example(
    catalog: CatalogServiceStub, example: dict[str, str], fields: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """The whole answer."""
    unitaire, remise, final, ht, tva, ttc, source, grille = expected
    assert pb.CalculatePriceResponse(
        prix_unitaire=unitaire,
        remise_appliquee=remise,
        prix_apres_remise=final,
        prix_total_ht=ht,
        taux_tva=20,
        tva=tva,
        prix_total_ttc=ttc,
        promotion_appliquee=source == "promotion",
        grille_tarifaire_id=example[grille],
        source=source,
    ) == await catalog.CalculatePrice(price_of(example["produit"], **fields))


async def test_R13_services_ask_for_prices(
    mesh: Mesh, example: dict[str, str], org: str, foreign_grilles: GrilleTarifaireServiceStub
) -> None:
    """In the organisation for which they work; they have to name it."""
    await foreign_grilles.Create(pb.CreateGrilleTarifaireRequest(nom="A", date_debut="2026-06-14"))
    bound, free, abroad = (
        mesh.service_stub(CatalogServiceStub, caller="products", organisation=name)
        for name in (org, "", "org-ailleurs")
    )
    request = price_of(example["produit"], date="2026-06-15")
    assert (await bound.CalculatePrice(request)).grille_tarifaire_id == example["BASE"]
    assert (await refused(free.CalculatePrice(request)))[1] == "ORGANISATION_REQUISE"
    assert await refused(abroad.CalculatePrice(request)) == MISSING


@pytest.mark.parametrize("grille", ["", "BASE", "ÉTÉ"])
@pytest.mark.parametrize("day", ["", *DAYS])
async def test_R14_catalogue_and_calculation_agree(
    catalog: CatalogServiceStub, catalogue: Catalogue, example: dict[str, str], day: str, grille: str
) -> None:
    """For every item of every page, whatever day and grid are named."""
    bounded = await catalogue.produit(nom="Borné", taux_tva=0, motif_exoneration="EXPORT")
    await catalogue.set(pb.GrilleTarifaire(id=example["BASE"]), item(bounded, 10, prix_minimum=12))
    await catalogue.set(pb.GrilleTarifaire(id=example["ÉTÉ"]), item(bounded, 10, actif=False))
    await catalogue.produit(nom="Sans tarif", prix=7.07)
    named: dict[str, Any] = {"date": day, "grille_tarifaire_id": example[grille]}
    request = pb.GetCatalogRequest(pagination=Pagination(page_size=2), **named)
    items = [one async for page in pages(catalog.GetCatalog, request) for one in page.items]
    assert [one.produit.nom for one in items] == ["Borné", "Exemple", "Sans tarif"]
    for one in items:
        told = await catalog.CalculatePrice(price_of(one.produit.id, **named))
        assert (told.prix_apres_remise, told.promotion_appliquee) == (one.prix_final, one.en_promotion)
        assert told.motif_exoneration == one.produit.motif_exoneration


async def test_R14_the_catalogue_tells_grid_and_prices(
    catalog: CatalogServiceStub, catalogue: Catalogue, example: dict[str, str], gammes: GammeServiceStub
) -> None:
    """A product without a price in the grid has none; a gamme keeps its own products."""
    gamme = await gammes.Create(pb.CreateGammeRequest(code="a", nom="A"))
    alone = await catalogue.produit(nom="Autre", gamme_id=gamme.id)
    answer = await catalog.GetCatalog(pb.GetCatalogRequest(date="2026-06-15"))
    assert (answer.grille_utilisee.nom, len(answer.items)) == ("BASE", 2)
    other, first = answer.items
    assert (other.produit.id, other.HasField("prix"), other.prix_final) == (alone.id, False, 60)
    assert (first.prix.prix_unitaire, first.prix_final, first.en_promotion) == (49.9, 43.66, False)
    of_gamme = await catalog.GetCatalog(pb.GetCatalogRequest(gamme_id=gamme.id))
    assert [one.produit.id for one in of_gamme.items] == [alone.id]


async def test_R15_without_a_grid_the_product_has_its_price(
    catalog: CatalogServiceStub, produit: pb.Produit
) -> None:
    """No grid is told."""
    told = await catalog.CalculatePrice(price_of(produit.id))
    assert (told.prix_apres_remise, told.source, told.grille_tarifaire_id) == (60, "produit", "")
    answer = await catalog.GetCatalog(pb.GetCatalogRequest())
    assert (answer.HasField("grille_utilisee"), answer.items[0].prix_final) == (False, 60)


async def test_R15_a_product_of_which_nobody_told_a_price_costs_nothing(
    catalog: CatalogServiceStub, catalogue: Catalogue
) -> None:
    """It is for sale like any other; one whose price is not known yet begins in BROUILLON."""
    free = await catalogue.produits.Create(pb.CreateProduitRequest(sku="libre", nom="Libre"))
    told = await catalog.CalculatePrice(price_of(free.id))
    assert (free.prix, free.statut_cycle, told.prix_total_ttc, told.source) == (0, "ACTIF", 0, "produit")


async def test_R16_what_is_not_for_sale_has_no_price(
    catalog: CatalogServiceStub, catalogue: Catalogue
) -> None:
    """Unless it is asked for."""
    draft = await catalogue.produit(nom="Brouillon", statut_cycle="BROUILLON")
    off = await catalogue.produit(nom="Éteint")
    await catalogue.produits.Update(pb.UpdateProduitRequest(id=off.id, actif=False))
    for produit in (draft, off):
        answer = await refused(catalog.CalculatePrice(price_of(produit.id)))
        assert answer == (PRECONDITION, "PRODUIT_NON_VENDABLE")
        told = await catalog.CalculatePrice(price_of(produit.id, simulation=True))
        assert told.prix_apres_remise == 60
    assert not (await catalog.GetCatalog(pb.GetCatalogRequest())).items
    shown = await catalog.GetCatalog(pb.GetCatalogRequest(include_inactive=True))
    assert [one.produit.id for one in shown.items] == [draft.id, off.id]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"quantite": -1}, "FORMAT_INVALIDE"),
        ({"quantite": 1_000_001}, "FORMAT_INVALIDE"),
        ({"remise_additionnelle": 100.5}, "POURCENTAGE_INVALIDE"),
        ({"remise_additionnelle": float("nan")}, "POURCENTAGE_INVALIDE"),
        ({"date": "2026-02-30"}, "DATE_INVALIDE"),
        ({"produit_id": ""}, "CHAMP_REQUIS"),
    ],
)
async def test_R17_a_question_that_cannot_be_is_refused(
    catalog: CatalogServiceStub, produit: pb.Produit, fields: dict[str, Any], reason: str
) -> None:
    """INVALID_ARGUMENT."""
    request = pb.CalculatePriceRequest(**({"produit_id": produit.id} | fields))
    assert await refused(catalog.CalculatePrice(request)) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R17_a_million_pieces(catalog: CatalogServiceStub, produit: pb.Produit) -> None:
    """At most; a total beyond the limit of amounts is refused."""
    told = await catalog.CalculatePrice(price_of(produit.id, quantite=1_000_000))
    assert (told.prix_total_ht, told.prix_total_ttc) == (60_000_000, 72_000_000)


async def test_R18_a_named_grid_is_used_whatever_its_dates(
    catalog: CatalogServiceStub, example: dict[str, str]
) -> None:
    """In the catalogue, too (R14)."""
    request = price_of(example["produit"], date="2026-01-15", grille_tarifaire_id=example["ÉTÉ"])
    assert (await catalog.CalculatePrice(request)).prix_apres_remise == 45


async def test_R18_a_named_grid_is_ours_and_active(
    catalog: CatalogServiceStub, catalogue: Catalogue, foreign_grilles: GrilleTarifaireServiceStub
) -> None:
    """Another one is NOT_FOUND or GRILLE_INACTIVE, in the catalogue, too."""
    produit, off = await catalogue.produit(), await catalogue.grille()
    await catalogue.grilles.Update(pb.UpdateGrilleTarifaireRequest(id=off.id, actif=False))
    foreign = await foreign_grilles.Create(pb.CreateGrilleTarifaireRequest(nom="A"))
    inactive = (PRECONDITION, "GRILLE_INACTIVE")
    for grille, answer in (
        (off.id, inactive),
        (foreign.id, MISSING),
        ("x", MISSING),
        (str(uuid7()), MISSING),
    ):
        request = price_of(produit.id, grille_tarifaire_id=grille)
        assert await refused(catalog.CalculatePrice(request)) == answer
        assert await refused(catalog.GetCatalog(pb.GetCatalogRequest(grille_tarifaire_id=grille))) == answer


async def test_a_product_that_is_gone_has_no_price(catalog: CatalogServiceStub, catalogue: Catalogue) -> None:
    """Nor has one that never was."""
    produit = await catalogue.produit()
    await catalogue.produits.Delete(pb.DeleteProduitRequest(id=produit.id))
    for identity in (produit.id, str(uuid7()), "prod-456"):
        answer = await refusal(catalog.CalculatePrice(price_of(identity, simulation=True)))
        assert (answer.code, answer.reason) == MISSING
    assert not (await catalog.GetCatalog(pb.GetCatalogRequest(include_inactive=True))).items
