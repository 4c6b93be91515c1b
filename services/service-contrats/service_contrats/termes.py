"""Terms and amounts of a contract: its end, its instalments, what its lines make (R4, R7). Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from db_utils import months_later
from grpc_utils import one_of, rounded
from grpc_utils.errors import DateInvalide, InvalidArgument, MontantInvalide

from service_contrats.models import UNIQUE, LigneContrat

MONTHS: Final[Mapping[str, int]] = {
    "MENSUELLE": 1,
    "TRIMESTRIELLE": 3,
    "SEMESTRIELLE": 6,
    "ANNUELLE": 12,
}
_USUAL_DUREE, _LONGEST_DUREE = 12, 240
_TOO_MUCH = 10**12  # euros (C4)
_DAY = timedelta(days=1)


class DureeInvalide(InvalidArgument):
    """Une durée compte de 1 à 240 mois."""


def terms(date_debut: date, frequence_facturation: str, duree_mois: int | None) -> dict[str, Any]:
    """Columns of a duration: beginning, end, frequency, months and number of instalments (R7).

    Raises ValeurInconnue, DureeInvalide, DateInvalide.
    """
    one_of(frequence_facturation, (UNIQUE, *MONTHS), "frequence_facturation")
    if duree_mois is None and frequence_facturation != UNIQUE:
        duree_mois = _USUAL_DUREE
    if duree_mois is not None and not 1 <= duree_mois <= _LONGEST_DUREE:
        raise DureeInvalide(champ="duree_mois")
    return {
        "date_debut": date_debut,
        "date_fin": None if duree_mois is None else add_months(date_debut, duree_mois) - _DAY,
        "frequence_facturation": frequence_facturation,
        "duree_mois": duree_mois,
        "nombre_echeances": _instalments(frequence_facturation, duree_mois),
    }


def add_months(day: date, months: int) -> date:
    """*day* so many *months* later, at the end of a month that is too short. Raises DateInvalide."""
    try:
        return months_later(day, months)
    except ValueError:  # of a year that no calendar has
        raise DateInvalide(champ="date_debut") from None


def _instalments(frequence: str, duree_mois: int | None) -> int:
    if frequence == UNIQUE or duree_mois is None:
        return 1
    return -(-duree_mois // MONTHS[frequence])  # rounded up: the last period may be cut short


def amounts(lignes: Sequence[LigneContrat], nombre_echeances: int, montant: Decimal | None) -> dict[str, Any]:
    """Columns of the amounts: *montant* if somebody gave one, else the sum of *lignes* (R4, R7).

    Raises MontantInvalide.
    """
    imposed = montant is not None
    unknown = not imposed and (not lignes or any(ligne.prix_a_confirmer for ligne in lignes))
    montant = montant if montant is not None else _sum(lignes)
    return {
        "montant": montant,
        "montant_impose": imposed,
        "montant_total": total(montant, nombre_echeances),
        "prix_a_confirmer": unknown,
    }


def total(montant: Decimal, nombre_echeances: int) -> Decimal:
    """The amount of all instalments (R7). Raises MontantInvalide."""
    amount = montant * nombre_echeances
    if amount >= _TOO_MUCH:
        raise MontantInvalide("le total reste sous 1 000 000 000 000", champ="montant")
    return amount


def _sum(lignes: Iterable[LigneContrat]) -> Decimal:
    amount = sum((ligne.quantite * ligne.prix_unitaire for ligne in lignes), Decimal(0))
    if amount >= _TOO_MUCH:
        raise MontantInvalide("le total reste sous 1 000 000 000 000", champ="prix_unitaire")
    return amount


def monthly(montants: Iterable[tuple[str, Decimal]]) -> Decimal:
    """What *montants*, each of one period of its frequency, make in a month, rounded once (R20)."""
    return rounded(
        sum(
            (montant / MONTHS[frequence] for frequence, montant in montants if frequence != UNIQUE),
            Decimal(0),
        )
    )
