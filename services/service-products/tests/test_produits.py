"""ProduitService: products, one by one."""

import asyncio
from typing import Any

import pytest
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GammeServiceStub, ProduitServiceStub
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from service_testing import code_of, refusal, refused
from tests.making import Catalogue, item

INVALID, PRECONDITION = StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION
MISSING = (StatusCode.NOT_FOUND, "INTROUVABLE")


def structure(**content: Any) -> Struct:
    """A structure with *content*."""
    made = Struct()
    made.update(content)
    return made


async def test_a_product_is_read_as_it_was_made(
    produits: ProduitServiceStub, gammes: GammeServiceStub, org: str
) -> None:
    """By id with its gamme, by sku and in lists without."""
    gamme = await gammes.Create(pb.CreateGammeRequest(code="habitat", nom="Habitat"))
    told: dict[str, Any] = {
        "nom": "Assurance habitation",
        "gamme_id": gamme.id,
        "description": "Du toit à la cave",
        "categorie": "ASSURANCE",
        "type": "PARTENAIRE",
        "prix": 60.1,
        "motif_exoneration": "EXONERATION_261C",
        "devise": "CHF",
        "statut_cycle": "BROUILLON",
        "image_url": "https://exemple.fr/a.png",
        "code_externe": "X-1",
        "metadata": structure(rang=1, tags=["a"]),
    }
    made = await produits.Create(pb.CreateProduitRequest(sku="assur-01", taux_tva=0, **told))
    expected = pb.Produit(
        id=made.id,
        organisation_id=org,
        sku="ASSUR-01",
        actif=True,
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
        **told,
    )
    by_sku = await produits.GetBySku(pb.GetProduitBySkuRequest(sku="Assur-01"))
    (listed,) = (await produits.List(pb.ListProduitsRequest())).produits
    assert [expected] * 3 == [made, by_sku, listed]
    expected.gamme.CopyFrom(gamme)
    assert expected == await produits.Get(pb.GetProduitRequest(id=made.id))


async def test_R1_a_name_and_a_sku_make_a_product(produits: ProduitServiceStub) -> None:
    """The rest has its defaults."""
    made = await produits.Create(pb.CreateProduitRequest(sku="a", nom="Essai"))
    assert (made.categorie, made.type, made.statut_cycle, made.actif) == ("SERVICE", "INTERNE", "ACTIF", True)
    assert (made.prix, made.taux_tva, made.devise, made.promotion_active) == (0, 20, "EUR", False)


async def test_R1_a_sku_is_unique_among_the_living(
    produits: ProduitServiceStub, foreign_produits: ProduitServiceStub, produit: pb.Produit
) -> None:
    """In an organisation; of twenty creations at once one succeeds."""
    creations = (produits.Create(pb.CreateProduitRequest(sku="b", nom="B")) for _ in range(20))
    codes = await asyncio.gather(*map(code_of, creations))
    assert sorted(codes, key=str) == [StatusCode.ALREADY_EXISTS] * 19 + [StatusCode.OK]
    again = await refusal(produits.Create(pb.CreateProduitRequest(sku="ASSUR-01", nom="Autre")))
    assert (again.code, again.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_produit_sku", "id": produit.id},
    )
    rename = produits.Update(pb.UpdateProduitRequest(id=produit.id, sku="b"))
    assert await refused(rename) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert await code_of(foreign_produits.Create(pb.CreateProduitRequest(sku="b", nom="B"))) == StatusCode.OK
    await produits.Delete(pb.DeleteProduitRequest(id=produit.id))
    for sku in ("assur-01", "aßur-01"):
        assert await refused(produits.GetBySku(pb.GetProduitBySkuRequest(sku=sku))) == MISSING
    assert (
        await code_of(produits.Create(pb.CreateProduitRequest(sku="assur-01", nom="Neuf"))) == StatusCode.OK
    )


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"sku": ""}, "CHAMP_REQUIS", "sku"),
        ({"nom": " "}, "CHAMP_REQUIS", "nom"),
        ({"nom": "x" * 201}, "TROP_LONG", "nom"),
        ({"code_externe": "x" * 101}, "TROP_LONG", "code_externe"),
        ({"image_url": "https://exemple.fr/" + "x" * 2048}, "TROP_LONG", "image_url"),
        ({"image_url": "javascript:alert(1)"}, "FORMAT_INVALIDE", "image_url"),
        ({"prix": -0.01}, "MONTANT_INVALIDE", "prix"),
        ({"prix": float("nan")}, "MONTANT_INVALIDE", "prix"),
        ({"prix": 1e12}, "MONTANT_INVALIDE", "prix"),
        ({"taux_tva": 100.01}, "POURCENTAGE_INVALIDE", "taux_tva"),
        ({"devise": "euro"}, "FORMAT_INVALIDE", "devise"),
        ({"categorie": "service"}, "VALEUR_INCONNUE", "categorie"),
        ({"type": "EXTERNE"}, "VALEUR_INCONNUE", "type"),
        ({"statut_cycle": "actif"}, "VALEUR_INCONNUE", "statut_cycle"),
        ({"motif_exoneration": "X"}, "VALEUR_INCONNUE", "motif_exoneration"),
        ({"metadata": structure(a="x" * 8192)}, "TROP_LONG", "metadata"),
    ],
)
async def test_a_creation_names_the_field_at_fault(
    produits: ProduitServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """INVALID_ARGUMENT; nothing is stored."""
    request = pb.CreateProduitRequest(**({"sku": "a", "nom": "Essai"} | fields))
    answer = await refusal(produits.Create(request))
    assert (answer.code, answer.reason, answer.metadata) == (INVALID, reason, {"champ": champ})
    assert not (await produits.List(pb.ListProduitsRequest())).produits


async def test_R3_a_product_moves_to_gammes_of_its_organisation(
    produits: ProduitServiceStub,
    gammes: GammeServiceStub,
    foreign_gammes: GammeServiceStub,
    produit: pb.Produit,
) -> None:
    """Any other is NOT_FOUND; it may leave them all."""
    own = await gammes.Create(pb.CreateGammeRequest(code="a", nom="A"))
    foreign = await foreign_gammes.Create(pb.CreateGammeRequest(code="a", nom="A"))
    moved = await produits.Update(pb.UpdateProduitRequest(id=produit.id, gamme_id=own.id))
    assert moved.gamme_id == own.id
    away = pb.UpdateProduitRequest(id=produit.id, gamme_id=foreign.id)
    assert await refused(produits.Update(away)) == MISSING
    assert (await produits.Update(pb.UpdateProduitRequest(id=produit.id, gamme_id=""))).gamme_id == ""


async def test_R5_a_life_goes_forward(produits: ProduitServiceStub, produit: pb.Produit) -> None:
    """ACTIF to GELE, not to TEST; the switch is another matter (R4)."""
    frozen = await produits.Update(pb.UpdateProduitRequest(id=produit.id, statut_cycle="GELE"))
    assert (frozen.statut_cycle, frozen.actif) == ("GELE", True)
    answer = await refusal(produits.Update(pb.UpdateProduitRequest(id=produit.id, statut_cycle="TEST")))
    assert (answer.code, answer.reason) == (PRECONDITION, "TRANSITION_INTERDITE")
    off = await produits.Update(pb.UpdateProduitRequest(id=produit.id, actif=False))
    assert (off.statut_cycle, off.actif) == ("GELE", False)


async def test_C9_metadata_are_replaced_as_a_whole(produits: ProduitServiceStub) -> None:
    """Absent ones stay, the same ones are no change, empty ones clear them."""
    request = pb.CreateProduitRequest(sku="a", nom="A", metadata=structure(a=1, b=2))
    made = await produits.Create(request)
    update = pb.UpdateProduitRequest(id=made.id, nom="A", metadata=structure(a=1, b=2))
    assert await produits.Update(update) == made
    changed = await produits.Update(pb.UpdateProduitRequest(id=made.id, metadata=structure(c=[None])))
    assert changed.metadata == structure(c=[None])
    renamed = await produits.Update(pb.UpdateProduitRequest(id=made.id, nom="B"))
    assert renamed.metadata == structure(c=[None])
    cleared = await produits.Update(pb.UpdateProduitRequest(id=made.id, metadata=Struct()))
    assert (cleared.metadata, cleared.version) == (Struct(), 4)


async def test_R7_a_product_with_a_price_in_use_stays(catalogue: Catalogue, produit: pb.Produit) -> None:
    """Until the price or its grid is inactive; then it goes with its prices."""
    grille, other = await catalogue.grille(), await catalogue.grille()
    delete = pb.DeleteProduitRequest(id=produit.id)
    for used in (grille, other):
        await catalogue.set(used, item(produit))
        assert await refused(catalogue.produits.Delete(delete)) == (PRECONDITION, "ENCORE_UTILISE")
        if used is grille:
            await catalogue.set(used, item(produit, actif=False))
    update = pb.UpdateGrilleTarifaireRequest(id=other.id, actif=False)
    await catalogue.grilles.Update(update)
    assert (await catalogue.produits.Delete(delete)).success
    assert await refused(catalogue.set(grille, item(produit))) == MISSING
    answer = await catalogue.prix.List(pb.ListPrixProduitsRequest(grille_tarifaire_id=grille.id))
    assert not answer.prix


async def test_R7_of_a_deletion_and_a_price_at_once_one_fails(catalogue: Catalogue) -> None:
    """No active price is left of a product that is gone."""
    grille = await catalogue.grille()
    for _ in range(5):
        produit = await catalogue.produit()
        codes = await asyncio.gather(
            code_of(catalogue.set(grille, item(produit))),
            code_of(catalogue.produits.Delete(pb.DeleteProduitRequest(id=produit.id))),
        )
        assert sorted(codes, key=str) in (
            sorted((StatusCode.OK, PRECONDITION), key=str),
            sorted((StatusCode.NOT_FOUND, StatusCode.OK), key=str),
        )
