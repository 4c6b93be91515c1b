"""Rules of price grids and of the prices in them, as pure functions (R11, R12)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.products import products_pb2 as pb
from db_utils import uuid7
from grpc_utils.errors import ChampRequis, DateInvalide, Introuvable, MontantInvalide, PourcentageInvalide
from service_products import tarifs
from service_products.models import GrilleTarifaire
from service_products.tarifs import BornesInvalides, GrilleInactive, GrilleParDefaut, ProduitEnDouble

PRODUIT, AUTRE = uuid7(), uuid7()


def grille(**fields: Any) -> GrilleTarifaire:
    """A grid of summer 2026."""
    usual: dict[str, Any] = {"date_debut": date(2026, 7, 1), "date_fin": date(2026, 8, 31)}
    return GrilleTarifaire(organisation_id="org-1", nom="Été", **(usual | fields))


def changed(row: GrilleTarifaire, **fields: Any) -> dict[str, Any]:
    """The columns that an Update with *fields* changes."""
    return tarifs.grille_changes(row, pb.UpdateGrilleTarifaireRequest(id="1", **fields))


def items(*fields: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    """The terms of a BulkSet of items with *fields*, for PRODUIT at 10.00 unless they say otherwise."""
    usual: dict[str, Any] = {"produit_id": str(PRODUIT), "prix_unitaire": 10}
    return tarifs.items(
        pb.BulkSetPrixProduitsRequest(items=[pb.PrixProduitItem(**(usual | one)) for one in fields])
    )


def test_R11_a_grid_does_not_end_before_it_begins() -> None:
    """It may be valid on one day; bounds may be missing; an Update is held to it as well."""
    day: dict[str, Any] = {"date_debut": "2026-07-01", "date_fin": "2026-07-01"}
    assert tarifs.new_grille(pb.CreateGrilleTarifaireRequest(nom="Été", **day)).date_fin == date(2026, 7, 1)
    assert changed(grille(), date_debut="", date_fin="1999-01-01") == {
        "date_debut": None,
        "date_fin": date(1999, 1, 1),
    }
    for ends in ("2026-06-30", "2026-02-30"):
        with pytest.raises(DateInvalide) as refused:
            changed(grille(), date_fin=ends)
        assert refused.value.metadata == {"champ": "date_fin"}
    with pytest.raises(DateInvalide):
        tarifs.new_grille(pb.CreateGrilleTarifaireRequest(nom="Été", **(day | {"date_debut": "2026-07-02"})))


def test_R11_the_default_grid_stays_active() -> None:
    """Another one may be switched off; both may be told to be active."""
    assert changed(grille(), actif=False) == {"actif": False}
    assert changed(grille(est_par_defaut=True), actif=True) == {"actif": True}
    with pytest.raises(GrilleParDefaut):
        changed(grille(est_par_defaut=True), actif=False)


def test_R11_an_inactive_grid_is_refused() -> None:
    """As the default one, and where it is named (R18)."""
    assert tarifs.check_active(active := grille()) is active
    with pytest.raises(GrilleInactive):
        tarifs.check_active(grille(actif=False))


def test_R12_what_an_item_does_not_mention_has_its_default() -> None:
    """No discount, no bounds, active."""
    plain = {
        "prix_unitaire": Decimal("10.00"),
        "remise_pourcent": Decimal("0.00"),
        "prix_minimum": None,
        "prix_maximum": None,
        "actif": True,
    }
    whole = {"remise_pourcent": 12.5, "prix_minimum": 0, "prix_maximum": 0.5, "actif": False}
    told = items({}, {"produit_id": str(AUTRE).upper(), **whole})
    assert told == {
        PRODUIT: plain,
        AUTRE: plain
        | {
            "remise_pourcent": Decimal("12.50"),
            "prix_minimum": Decimal("0.00"),
            "prix_maximum": Decimal("0.50"),
            "actif": False,
        },
    }


@pytest.mark.parametrize(
    ("fields", "refusal", "champ"),
    [
        ({"prix_unitaire": None}, ChampRequis, "prix_unitaire"),
        ({"prix_unitaire": -0.01}, MontantInvalide, "prix_unitaire"),
        ({"prix_unitaire": float("nan")}, MontantInvalide, "prix_unitaire"),
        ({"prix_minimum": -1}, MontantInvalide, "prix_minimum"),
        ({"prix_maximum": 1e12}, MontantInvalide, "prix_maximum"),
        ({"prix_minimum": 10.01, "prix_maximum": 10}, BornesInvalides, "prix_minimum"),
        ({"remise_pourcent": 100.5}, PourcentageInvalide, "remise_pourcent"),
        ({"remise_pourcent": -1}, PourcentageInvalide, "remise_pourcent"),
        ({"produit_id": ""}, ChampRequis, "produit_id"),
        ({"produit_id": "x"}, Introuvable, "produit_id"),
    ],
)
def test_R12_a_price_that_cannot_be_is_refused(
    fields: dict[str, Any], refusal: type[Exception], champ: str
) -> None:
    """Whatever the other items are; the refusal names the field, the item and, if known, the product."""
    with pytest.raises(refusal) as refused:
        items({"produit_id": str(AUTRE)}, fields)
    told = refused.value.metadata  # type: ignore[attr-defined]  # of every refusal
    produit_id = fields.get("produit_id", str(PRODUIT))
    known = {"produit_id": produit_id} if produit_id else {}
    assert told == {"champ": champ, "entree": "items[1]", **known}


def test_R12_a_call_has_one_price_for_a_product() -> None:
    """And at least one item."""
    with pytest.raises(ProduitEnDouble) as refused:
        items({}, {"prix_unitaire": 11})
    told = {"champ": "produit_id", "entree": "items[1]", "produit_id": str(PRODUIT)}
    assert refused.value.metadata == told
    with pytest.raises(ChampRequis) as missing:
        items()
    assert missing.value.metadata == {"champ": "items"}


def test_R12_the_history_keeps_exact_amounts() -> None:
    """As texts, because JSON has no decimals."""
    terms = {"prix_unitaire": Decimal("49.90"), "prix_minimum": None, "actif": True}
    assert tarifs.as_history(terms) == {"prix_unitaire": "49.90", "prix_minimum": None, "actif": True}
