"""Rules of price grids and of the prices in them, as pure functions (R11, R12)."""

from datetime import date
from typing import Any
from uuid import UUID

from crm.products import products_pb2 as pb
from db_utils import parse_uuid
from grpc_utils import changes, entry, found, money, optional_date, percentage, required
from grpc_utils.errors import (
    ChampRequis,
    DateInvalide,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Refusal,
)

from service_products.models import GrilleTarifaire, PrixProduit

TERMS = ("prix_unitaire", "remise_pourcent", "prix_minimum", "prix_maximum", "actif")


class AucuneGrille(NotFound):
    """Aucune grille tarifaire n'est applicable à cette date."""


class GrilleInactive(FailedPrecondition):
    """Cette grille tarifaire est inactive."""


class GrilleParDefaut(FailedPrecondition):
    """La grille par défaut ne peut être désactivée ; désignez-en d'abord une autre."""


class BornesInvalides(InvalidArgument):
    """Le prix minimum ne peut dépasser le prix maximum."""


class ProduitEnDouble(InvalidArgument):
    """Le même produit figure deux fois dans la demande."""


def new_grille(request: pb.CreateGrilleTarifaireRequest) -> GrilleTarifaire:
    """New grid with the fields of *request* (R11). Raises InvalidArgument."""
    debut, fin = optional_date(request.date_debut, "date_debut"), optional_date(request.date_fin, "date_fin")
    check_period(debut, fin)
    return GrilleTarifaire(
        organisation_id=request.organisation_id,
        nom=required(request.nom, "nom"),
        description=request.description or None,
        date_debut=debut,
        date_fin=fin,
        est_par_defaut=request.est_par_defaut,
    )


def grille_changes(grille: GrilleTarifaire, request: pb.UpdateGrilleTarifaireRequest) -> dict[str, Any]:
    """Columns of *grille* that *request* changes (R11). Raises InvalidArgument, GrilleParDefaut."""
    fields = ("nom", "description", "date_debut", "date_fin", "actif")
    changed = changes(request, fields, mandatory=("nom",))
    changed |= {
        name: optional_date(changed[name], name) for name in ("date_debut", "date_fin") if name in changed
    }
    check_period(changed.get("date_debut", grille.date_debut), changed.get("date_fin", grille.date_fin))
    if grille.est_par_defaut and not changed.get("actif", True):
        raise GrilleParDefaut
    return changed


def check_period(debut: date | None, fin: date | None) -> None:
    """Refuse a period that ends before it begins. Raises DateInvalide."""
    if debut is not None and fin is not None and fin < debut:
        raise DateInvalide("pas avant date_debut", champ="date_fin")


def check_active(grille: GrilleTarifaire) -> GrilleTarifaire:
    """Return *grille* if it is active (R11, R18). Raises GrilleInactive."""
    if not grille.actif:
        raise GrilleInactive
    return grille


def items(request: pb.BulkSetPrixProduitsRequest) -> dict[UUID, dict[str, Any]]:
    """Terms of the prices that *request* sets, by product, in its order (R12).

    A refusal names its item and the product of it. Raises InvalidArgument; Introuvable for a text that
    cannot be the id of a product.
    """
    if not request.items:
        raise ChampRequis(champ="items")
    named: dict[UUID, dict[str, Any]] = {}
    for position, item in enumerate(request.items):
        try:
            with entry("items", position):
                terms_of_item = _item_terms(item)
                produit_id = found(parse_uuid(required(item.produit_id, "produit_id")), "produit_id")
                if produit_id in named:
                    raise ProduitEnDouble(champ="produit_id")
        except Refusal as refused:
            if item.produit_id:
                refused.metadata["produit_id"] = item.produit_id
            raise
        named[produit_id] = terms_of_item
    return named


def _item_terms(item: pb.PrixProduitItem) -> dict[str, Any]:
    if not item.HasField("prix_unitaire"):
        raise ChampRequis(champ="prix_unitaire")
    minimum = money(item.prix_minimum, "prix_minimum") if item.HasField("prix_minimum") else None
    maximum = money(item.prix_maximum, "prix_maximum") if item.HasField("prix_maximum") else None
    if minimum is not None and maximum is not None and minimum > maximum:
        raise BornesInvalides(champ="prix_minimum")
    return {
        "prix_unitaire": money(item.prix_unitaire, "prix_unitaire"),
        "remise_pourcent": percentage(item.remise_pourcent, "remise_pourcent"),
        "prix_minimum": minimum,
        "prix_maximum": maximum,
        "actif": item.actif if item.HasField("actif") else True,
    }


def terms(prix: PrixProduit) -> dict[str, Any]:
    """Terms of a price: all that BulkSet replaces."""
    return {name: getattr(prix, name) for name in TERMS}


def as_history(of: dict[str, Any]) -> dict[str, Any]:
    """Terms in the form in which the history keeps them: amounts as texts, exact (R12)."""
    return {
        name: value if value is None or isinstance(value, bool) else str(value) for name, value in of.items()
    }
