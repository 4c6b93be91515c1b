"""What a product costs, as pure functions; all amounts are decimals (R9, R13 to R17).

The one function `price` serves the catalogue and CalculatePrice alike, so that they agree.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

from crm.products import products_pb2 as pb
from db_utils import clock
from grpc_utils import civil_date, percentage, rounded
from grpc_utils.errors import FailedPrecondition, FormatInvalide, MontantInvalide, within

from service_products import promotions
from service_products.models import ACTIF, PrixProduit, Produit

Source = Literal["promotion", "grille", "produit"]

MOST_PIECES = 1_000_000
_NOON = time(12)
_ALL, _NOTHING = Decimal(100), Decimal(0)
_TOO_MUCH = Decimal(10**12)


class ProduitNonVendable(FailedPrecondition):
    """Ce produit n'est pas en vente."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The day for which a price is asked, and the instant at which promotions are judged (R9)."""

    jour: date
    instant: datetime


@dataclass(frozen=True, slots=True)
class Prix:
    """Price of one piece, HT: *unitaire* less *remise* percent is *final*, within the bounds of the grid."""

    unitaire: Decimal
    remise: Decimal
    final: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class Total:
    """What several pieces cost without TVA, their TVA, and both together."""

    ht: Decimal
    tva: Decimal
    ttc: Decimal


def moment(text: str) -> Moment:
    """The day *text*, today when empty; of another day the promotions are those at noon in Paris (R9).

    Raises DateInvalide.
    """
    now, today = clock.now(), clock.today()
    jour = civil_date(text, "date") if text else today
    return Moment(jour, now if jour == today else datetime.combine(jour, _NOON, clock.PARIS))


def quantity(asked: int) -> int:
    """Number of pieces, 1 for 0 (R17). Raises FormatInvalide."""
    if not 0 <= asked <= MOST_PIECES:
        raise FormatInvalide(within(1, MOST_PIECES), champ="quantite")
    return asked or 1


def discount(asked: float) -> Decimal:
    """Discount that the caller adds, in percent (R17). Raises PourcentageInvalide."""
    return percentage(asked, "remise_additionnelle")


def check_for_sale(produit: Produit, *, simulation: bool) -> None:
    """Refuse a price of what is not for sale, unless it is a simulation (R16). Raises ProduitNonVendable."""
    if not (simulation or for_sale(produit)):
        raise ProduitNonVendable


def for_sale(produit: Produit) -> bool:
    """Whether *produit* may be sold: switched on, and in the part of its life for that (R4)."""
    return produit.actif and produit.statut_cycle == ACTIF


def price(produit: Produit, tarif: PrixProduit | None, at: datetime, additional: Decimal = _NOTHING) -> Prix:
    """What one piece of *produit* costs at the instant *at* (R13 a to e).

    *tarif* is its active price in the chosen grid, *additional* a discount in percent.
    """
    unitaire, source = _unit_price(produit, tarif, at)
    of_grid = tarif.remise_pourcent if tarif is not None and source == "grille" else _NOTHING
    remise = min(additional + of_grid, _ALL)
    reduced = rounded(unitaire * (_ALL - remise) / _ALL)
    return Prix(unitaire, remise, _within_bounds(reduced, tarif, unitaire, source), source)


def _unit_price(produit: Produit, tarif: PrixProduit | None, at: datetime) -> tuple[Decimal, Source]:
    if produit.prix_promotion is not None and promotions.in_force(produit, at):
        return produit.prix_promotion, "promotion"
    if tarif is not None:
        return tarif.prix_unitaire, "grille"
    return produit.prix, "produit"


def _within_bounds(reduced: Decimal, tarif: PrixProduit | None, unitaire: Decimal, source: Source) -> Decimal:
    """*reduced* raised to the minimum of the grid, or to the promotion if that is less, then capped."""
    if tarif is None:
        return reduced
    if (floor := tarif.prix_minimum) is not None:
        reduced = max(reduced, min(floor, unitaire) if source == "promotion" else floor)
    return reduced if tarif.prix_maximum is None else min(reduced, tarif.prix_maximum)


def total(final: Decimal, pieces: int, taux_tva: Decimal) -> Total:
    """What *pieces* cost at *final* each (R13 f). Raises MontantInvalide beyond the limit of amounts."""
    ht = final * pieces
    tva = rounded(ht * taux_tva / _ALL)
    if ht + tva >= _TOO_MUCH:
        raise MontantInvalide("le total reste sous 1 000 000 000 000", champ="quantite")
    return Total(ht, tva, ht + tva)


def answer(produit: Produit, prix: Prix, of: Total, grille_tarifaire_id: str) -> pb.CalculatePriceResponse:
    """Message of a worked out price."""
    return pb.CalculatePriceResponse(
        prix_unitaire=float(prix.unitaire),
        remise_appliquee=float(prix.remise),
        prix_apres_remise=float(prix.final),
        prix_total_ht=float(of.ht),
        taux_tva=float(produit.taux_tva),
        motif_exoneration=produit.motif_exoneration or "",
        tva=float(of.tva),
        prix_total_ttc=float(of.ttc),
        promotion_appliquee=prix.source == "promotion",
        grille_tarifaire_id=grille_tarifaire_id,
        source=prix.source,
    )
