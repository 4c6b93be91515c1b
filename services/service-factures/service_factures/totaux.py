"""Totals as pure functions (R1 to R4, R46): what lines come to, without and with VAT, by rate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from grpc_utils import rounded, within
from grpc_utils.errors import MontantInvalide

from service_factures.documents import unites

ONE, HUNDRED = Decimal(1), Decimal(100)
PRESTATION: Final = "Prestation"
UNITE: Final = unites.DEFAUT
_TOO_MUCH = Decimal(10) ** 12
PRIX_TROP_ELEVE: Final = Decimal(10) ** 10
"""The least unit price that is none: one amount makes a line of that price, too."""


@dataclass(frozen=True, slots=True)
class Ligne:
    """A line, priced: *montant_ht* is what it comes to without VAT."""

    description: str
    quantite: Decimal
    prix_unitaire: Decimal
    remise_pct: Decimal
    taux_tva: Decimal
    montant_ht: Decimal
    produit_id: str | None = None
    unite: str = UNITE


@dataclass(frozen=True, slots=True)
class Part:
    """What an invoice comes to at one rate."""

    taux: Decimal
    base_ht: Decimal
    montant_tva: Decimal

    @property
    def ttc(self) -> Decimal:
        """With VAT."""
        return self.base_ht + self.montant_tva


@dataclass(frozen=True, slots=True)
class Totaux:
    """Lines with what they come to at each rate, the highest first."""

    lignes: tuple[Ligne, ...]
    parts: tuple[Part, ...]

    @property
    def ht(self) -> Decimal:
        """Without VAT."""
        return sum((part.base_ht for part in self.parts), Decimal("0.00"))

    @property
    def tva(self) -> Decimal:
        """The VAT of all rates (R2)."""
        return sum((part.montant_tva for part in self.parts), Decimal("0.00"))

    @property
    def ttc(self) -> Decimal:
        """With VAT."""
        return self.ht + self.tva

    @property
    def rates(self) -> set[Decimal]:
        """The rates of the lines."""
        return {part.taux for part in self.parts}


@dataclass(frozen=True, slots=True)
class Montant:
    """An amount with VAT at one rate."""

    montant: Decimal
    taux_tva: Decimal
    libelle: str = PRESTATION
    produit_id: str | None = None


def montant_ht(quantite: Decimal, prix_unitaire: Decimal, remise_pct: Decimal) -> Decimal:
    """What a line comes to without VAT (R1)."""
    return rounded(quantite * prix_unitaire * (ONE - remise_pct / HUNDRED))


def tva(base: Decimal, taux: Decimal) -> Decimal:
    """The VAT of *base* (R2)."""
    return rounded(base * taux / HUNDRED)


def without_tva(ttc: Decimal, taux: Decimal) -> Decimal:
    """What is left of *ttc* without its VAT (R4)."""
    return rounded(ttc / (ONE + taux / HUNDRED))


def of_lignes(lignes: Sequence[Ligne]) -> Totaux:
    """Totals of *lignes*: the VAT is reckoned on the sum of a rate, not by line (R2)."""
    bases = _sums((ligne.taux_tva, ligne.montant_ht) for ligne in lignes)
    return _within_bounds(lignes, [Part(taux, base, tva(base, taux)) for taux, base in bases.items()])


def of_montants(montants: Sequence[Montant]) -> Totaux:
    """Totals that come to the *montants* exactly: the VAT is what the base leaves (R4, R46)."""
    lignes = [
        ligne_at(one.libelle, without_tva(one.montant, one.taux_tva), one.taux_tva, one.produit_id)
        for one in montants
    ]
    ttc = _sums((one.taux_tva, one.montant) for one in montants)
    bases = _sums((ligne.taux_tva, ligne.montant_ht) for ligne in lignes)
    return _within_bounds(lignes, [Part(taux, base, ttc[taux] - base) for taux, base in bases.items()])


def ligne_at(libelle: str, ht: Decimal, taux: Decimal, produit_id: str | None = None) -> Ligne:
    """One line of quantity 1 that comes to *ht*. Raises MontantInvalide when no unit price is as high."""
    if ht >= PRIX_TROP_ELEVE:
        raise MontantInvalide(within("0,01", "9 999 999 999,99 hors taxes"), champ="montant")
    return Ligne(libelle, ONE, ht, Decimal(0), taux, ht, produit_id)


def _sums(amounts: Iterable[tuple[Decimal, Decimal]]) -> dict[Decimal, Decimal]:
    """Sums by rate, the highest rate first."""
    sums: dict[Decimal, Decimal] = {}
    for taux, amount in amounts:
        sums[taux] = sums.get(taux, Decimal("0.00")) + amount
    return dict(sorted(sums.items(), reverse=True))


def _within_bounds(lignes: Sequence[Ligne], parts: Sequence[Part]) -> Totaux:
    totaux = Totaux(tuple(lignes), tuple(parts))
    if totaux.ttc >= _TOO_MUCH:
        raise MontantInvalide(champ="montant_ttc")
    return totaux
