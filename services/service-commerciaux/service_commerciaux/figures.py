"""Rules of the figures of a barème, as pure functions (R10 to R13).

Requests and former versions become the columns of a version here; `versions.py` decides when.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from crm.commerciaux import commerciaux_pb2 as pb
from db_utils import clock
from grpc_utils import changes, civil_date, money, opaque_id, optional_date, percentage, required
from grpc_utils.errors import DateInvalide, InvalidArgument

from service_commerciaux.models import FIXE, FORFAIT, HUNDRED, MIXTE, PALIER, POURCENTAGE, Bareme, Palier
from service_commerciaux.rules import code_of

REPARTITION = tuple(f"repartition_{part}" for part in ("commercial", "manager", "agence", "entreprise"))
RECURRENCE = ("taux_recurrence", "duree_recurrence_mois")
_LONGEST_RECURRENCE, _LONGEST_REPRISES = 120, 60  # months
_RATES = ("taux_pourcentage", "taux_recurrence", "taux_reprise", *REPARTITION)
_CLEARABLE = ("description", "type_produit", "profil_remuneration", "societe_id", "canal_vente", "date_fin")
_MANDATORY = ("nom", "type_calcul", "base_calcul")
_PLAIN = ("precomptee", "recurrence_active", "duree_recurrence_mois", "duree_reprises_mois")
_NEEDS = {
    FIXE: ("montant_fixe",),
    POURCENTAGE: ("taux_pourcentage", "base_calcul"),
    PALIER: ("paliers",),
    MIXTE: ("montant_fixe", "taux_pourcentage"),
}
UPDATABLE = (*_MANDATORY, *_CLEARABLE, *_PLAIN, "montant_fixe", *_RATES, "motif_modification")


class BaremeIncomplet(InvalidArgument):
    """Il manque au barème une valeur que demande son type de calcul."""


class RepartitionInvalide(InvalidArgument):
    """Les quatre parts de la répartition doivent faire ensemble exactement 100 %."""


class DureeInvalide(InvalidArgument):
    """La durée en mois est hors des bornes admises."""


def new_bareme(request: pb.CreateBaremeRequest, par: str | None) -> Bareme:
    """First version of the barème of *request*, made by *par*. Raises InvalidArgument."""
    told = {field.name: value for field, value in request.ListFields()}
    columns = {name: told[name] for name in (*UPDATABLE, "actif") if name in told}
    return complete(
        {
            **converted(columns),
            "organisation_id": request.organisation_id,
            "code": code_of(request.code),
            "nom": required(request.nom, "nom"),
            "date_effet": optional_date(request.date_effet, "date_effet") or clock.today(),
            "cree_par": par,
            "modifie_par": par,
        }
    )


def requested_changes(request: pb.UpdateBaremeRequest) -> dict[str, Any]:
    """Columns that *request* wants to be otherwise, date_effet aside. Raises InvalidArgument."""
    return converted(changes(request, UPDATABLE, mandatory=_MANDATORY))


def complete(columns: Mapping[str, Any]) -> Bareme:
    """Version of a barème with these *columns*, without what belongs to a recurrence that it lacks (R12).

    Raises InvalidArgument when they do not suit each other (R11 to R13).
    """
    bareme = Bareme(**without_recurrence(columns))
    _check_months(bareme)
    _check_repartition(bareme)
    if bareme.date_fin is not None and bareme.date_fin < bareme.date_effet:
        raise DateInvalide("pas avant date_effet", champ="date_fin")
    return bareme


def without_recurrence(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return *columns*, with rate and months of the recurrence empty where there is none (R12)."""
    return {**columns, **({} if columns.get("recurrence_active") else dict.fromkeys(RECURRENCE))}


def check_complete(bareme: Bareme, paliers: Collection[Palier]) -> None:
    """Check that *bareme* has what its type of reckoning needs (R10). Raises BaremeIncomplet."""
    there: dict[str, object] = {
        "montant_fixe": bareme.montant_fixe,
        "taux_pourcentage": bareme.taux_pourcentage,
        "base_calcul": bareme.base_calcul != FORFAIT,
        "paliers": paliers,
    }
    for champ in _NEEDS.get(bareme.type_calcul, ()):
        if not there[champ]:
            raise BaremeIncomplet(champ=champ)


def converted(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a request as their *columns* hold them. Raises InvalidArgument."""
    return {
        name: value if value is None or name not in _CONVERSIONS else _CONVERSIONS[name](value)
        for name, value in columns.items()
    }


def _check_months(bareme: Bareme) -> None:
    _check_duration(bareme.duree_reprises_mois, 0, _LONGEST_REPRISES, "duree_reprises_mois")
    if not bareme.recurrence_active:
        return
    if not bareme.taux_recurrence:
        raise BaremeIncomplet(champ="taux_recurrence")
    if bareme.duree_recurrence_mois is None:
        raise BaremeIncomplet(champ="duree_recurrence_mois")
    _check_duration(bareme.duree_recurrence_mois, 1, _LONGEST_RECURRENCE, "duree_recurrence_mois")


def _check_duration(months: int, least: int, most: int, champ: str) -> None:
    if not least <= months <= most:
        raise DureeInvalide(champ=champ, minimum=str(least), maximum=str(most))


def _check_repartition(bareme: Bareme) -> None:
    total = sum((getattr(bareme, part) for part in REPARTITION), Decimal(0))
    if total != HUNDRED:
        raise RepartitionInvalide(f"total : {total}", champ="repartition_commercial", total=str(total))


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "montant_fixe": partial(money, champ="montant_fixe"),
    "societe_id": partial(opaque_id, champ="societe_id"),
    "date_fin": partial(civil_date, champ="date_fin"),
    **{name: partial(percentage, champ=name) for name in _RATES},
}
