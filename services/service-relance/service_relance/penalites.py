"""Amounts that a reminder asks for (R16). Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from grpc_utils import rounded

# For each invoice that a business pays late: article D441-5 of the Code de commerce.
INDEMNITE: Final = Decimal("40.00")

_PROFESSIONNELS = frozenset({"ENTREPRISE", "PARTENAIRE"})  # types of client
_FIRST_NIVEAU = 2  # that speaks of penalties
_NOTHING = Decimal("0.00")
_PERCENT_OF_A_YEAR = 100 * 365  # days


@dataclass(frozen=True, slots=True)
class Montants:
    """What is owed of an invoice, or of several together, and what being late adds to it."""

    montant_du: Decimal
    penalites: Decimal = _NOTHING
    indemnite: Decimal = _NOTHING

    @property
    def total_du(self) -> Decimal:
        """All of it."""
        return self.montant_du + self.penalites + self.indemnite

    def __add__(self, other: "Montants") -> "Montants":
        return Montants(
            self.montant_du + other.montant_du,
            self.penalites + other.penalites,
            self.indemnite + other.indemnite,
        )


def is_professionnel(type_client: str) -> bool:
    """Tell whether a client of this type owes penalties and the indemnity when it pays late (R16)."""
    return type_client in _PROFESSIONNELS


def montants(
    solde: Decimal, *, professionnel: bool, niveau: int, taux: Decimal | None, jours_retard: int
) -> Montants:
    """Amounts that level *niveau* asks for of an invoice with *solde* left, so many days late (R16).

    *taux* are the penalties in percent a year, None when nobody knows them: then there are none. A
    private person owes neither penalties nor costs (article L111-8 of the Code des procédures civiles
    d'exécution).
    """
    if not professionnel or niveau < _FIRST_NIVEAU or jours_retard <= 0:
        return Montants(solde)
    penalites = rounded(solde * (taux or _NOTHING) * jours_retard / _PERCENT_OF_A_YEAR)
    return Montants(solde, penalites, INDEMNITE)
