"""What a receipt is worth: base, kind, amount and parts of its commission (R2, R5–R8, R10, R11).

Pure functions; `primes.py` has those of the primes, `attribution.py` what stands around them.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from grpc_utils import rounded

from service_commission.baremes import CA, FIXE, MIXTE, PALIER, PRIME_PRODUIT, Bareme, Palier
from service_commission.models import AGENCE, COMMERCIAL, ENTREPRISE, INITIALE, MANAGER, RECURRENCE, ZERO

PRECOMPTE_MOIS: Final = 12  # months that an advance covers (R10)
PERIODES_PAR_AN: Final = {"MENSUELLE": 12, "TRIMESTRIELLE": 4, "SEMESTRIELLE": 2, "ANNUELLE": 1}
RESILIE: Final = "RESILIE"
_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Mesures:
    """Contracts and turnover of an apporteur by kind of product, those of a period or of ever (R9)."""

    contrats: dict[str, int] = field(default_factory=dict)
    ca: dict[str, Decimal] = field(default_factory=dict)

    def of(self, palier: Palier) -> Decimal:
        """What *palier* measures."""
        if palier.type_palier == CA:
            return sum(self.ca.values(), ZERO)
        if palier.type_palier == PRIME_PRODUIT:
            return Decimal(self.contrats.get(palier.type_produit, 0))
        return Decimal(sum(self.contrats.values()))

    def plus(self, type_produit: str, base: Decimal) -> "Mesures":
        """The measures with one more contract."""
        return Mesures(
            {**self.contrats, type_produit: self.contrats.get(type_produit, 0) + 1},
            {**self.ca, type_produit: self.ca.get(type_produit, ZERO) + base},
        )


@dataclass(frozen=True, slots=True)
class Initiale:
    """The INITIALE that a contract has: its period, and whether it was paid in advance."""

    periode: str
    precomptee: bool


@dataclass(frozen=True, slots=True)
class Ht:
    """The ratio by which what was received is turned into an amount without taxes (R2)."""

    ht: Decimal
    ttc: Decimal

    def base(self, montant: Decimal) -> Decimal:
        """*montant*, taxes included, without them."""
        return rounded(montant * self.ht / self.ttc)


@dataclass(frozen=True, slots=True)
class Montant:
    """An amount with the rate that made it, and the tier that gave the rate."""

    montant: Decimal
    taux: Decimal | None = None
    palier: Palier | None = None
    mesure: Decimal | None = None


def ratio(facture: tuple[Decimal, Decimal] | None, taux_tva: Decimal) -> Ht:
    """The ratio of an invoice (without taxes, with them); without one that of the rate of the product."""
    if facture is not None and facture[1] > 0:
        return Ht(*facture)
    return Ht(_HUNDRED, _HUNDRED + taux_tva)


def numero_mois(initiale: str, periode: str) -> int:
    """The month of the contract in which *periode* is; that of its INITIALE is 1 (R5)."""
    return max(1, _months(periode) - _months(initiale) + 1)


def recurrence_due(bareme: Bareme, initiale: Initiale, mois: int) -> bool:
    """Whether a later receipt in month *mois* is commissioned (R5, R10)."""
    if (initiale.precomptee or bareme.precomptee) and mois <= PRECOMPTE_MOIS:
        return False
    return bareme.recurrence_active and mois <= bareme.duree_recurrence_mois


def after_resiliation(statut: str, resiliation: date | None, echeance: date) -> bool:
    """Whether a contract was terminated before what was received fell due (R6)."""
    return statut == RESILIE and resiliation is not None and echeance > resiliation


def base_precomptee(ht: Ht, montant: Decimal, echeances: int, frequence: str) -> Decimal:
    """The first twelve months of a contract without taxes (R10)."""
    return ht.base(montant * min(echeances, PERIODES_PAR_AN.get(frequence, 1)))


def initiale(bareme: Bareme, base: Decimal, mesures: Mesures, toujours: Mesures) -> Montant:
    """The amount of an INITIALE; measures include this contract (R7, R8)."""
    if bareme.type_calcul == PALIER:
        return _by_palier(bareme, base, mesures, toujours)
    fixed = bareme.montant_fixe if bareme.type_calcul in (FIXE, MIXTE) else ZERO
    if bareme.type_calcul == FIXE:
        return Montant(rounded(fixed))
    return Montant(rounded(fixed + base * bareme.taux / _HUNDRED), bareme.taux)


def recurrence(bareme: Bareme, base: Decimal) -> Montant:
    """The amount of a RECURRENCE (R7)."""
    return Montant(rounded(base * bareme.taux_recurrence / _HUNDRED), bareme.taux_recurrence)


def of_type(kind: str, bareme: Bareme, base: Decimal, mesures: Mesures, toujours: Mesures) -> Montant:
    """The amount of a commission of *kind*, INITIALE or RECURRENCE."""
    assert kind in (INITIALE, RECURRENCE)
    return initiale(bareme, base, mesures, toujours) if kind == INITIALE else recurrence(bareme, base)


def parts(bareme: Bareme, montant: Decimal, *, manager: bool) -> dict[str, Decimal]:
    """*montant* by role, without parts of zero; they add up to it (R11).

    COMMERCIAL takes the rest, with the part of a manager whom there is not. Where roundings would take
    more than there is, the later parts take what is left.
    """
    left, taken = montant, {}
    for role, share in (
        (MANAGER, bareme.manager if manager else ZERO),
        (AGENCE, bareme.agence),
        (ENTREPRISE, bareme.entreprise),
    ):
        taken[role] = min(rounded(montant * share / _HUNDRED), left)
        left -= taken[role]
    return {role: part for role, part in {COMMERCIAL: left, **taken}.items() if part}


def _by_palier(bareme: Bareme, base: Decimal, mesures: Mesures, toujours: Mesures) -> Montant:
    for palier in bareme.paliers:
        mesure = (mesures if palier.par_periode else toujours).of(palier)
        if palier.taux_bonus is not None and palier.holds(mesure):
            amount = rounded(base * palier.taux_bonus / _HUNDRED)
            return Montant(amount, palier.taux_bonus, palier, mesure)
    return Montant(ZERO)


def _months(periode: str) -> int:
    return int(periode[:4]) * 12 + int(periode[5:])
