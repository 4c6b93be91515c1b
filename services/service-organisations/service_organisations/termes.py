"""Rules of the reference lists, as pure functions: own entries, and the due date of an invoice."""

import calendar
from datetime import date, timedelta
from typing import Any

from crm.organisations import organisations_pb2 as pb
from grpc_utils import one_of, required
from grpc_utils.errors import FailedPrecondition, FormatInvalide, InvalidArgument

from service_organisations.models import FAMILLES, Entree
from service_organisations.rules import named_organisation

CONDITION_PAIEMENT = "CONDITION_PAIEMENT"
_LONGEST_DELAY = 365  # days


class ReferentielSysteme(FailedPrecondition):
    """Une entrée fournie par le système ne peut être supprimée."""


class DelaiInterdit(InvalidArgument):
    """Seule une condition de paiement a un délai ou une fin de mois."""


def famille(text: str) -> str:
    """Name of a reference list. Raises ChampRequis, ValeurInconnue."""
    return one_of(text, FAMILLES, "famille")


def new_entree(request: pb.UpsertEntreeRequest) -> Entree:
    """Own entry of the organisation with the fields of *request* (R14). Raises InvalidArgument."""
    is_term = famille(request.famille) == CONDITION_PAIEMENT
    if not 0 <= request.delai_jours <= _LONGEST_DELAY:
        raise FormatInvalide(champ="delai_jours")
    if not is_term and (request.delai_jours or request.fin_de_mois):
        raise DelaiInterdit(champ="delai_jours" if request.delai_jours else "fin_de_mois")
    return Entree(
        organisation_id=named_organisation(request),
        famille=request.famille,
        code=required(request.code, "code"),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        delai_jours=request.delai_jours if is_term else None,
        fin_de_mois=request.fin_de_mois,
        ordre=request.ordre,
    )


def content(entree: Entree) -> dict[str, Any]:
    """Columns of an entry but those that identify it: organisation, list and code."""
    columns = ("nom", "description", "delai_jours", "fin_de_mois", "ordre")
    return {column: getattr(entree, column) for column in columns}


def due_date(invoiced_on: date, terms: Entree) -> date:
    """Day on which an invoice of *invoiced_on* is to be paid under *terms* (R15).

    The days are counted first; the end of the month reached comes next. Article L441-10 of the
    Code de commerce allows that ("45 jours fin de mois").
    """
    due = invoiced_on + timedelta(days=terms.delai_jours or 0)
    if terms.fin_de_mois:
        due = due.replace(day=calendar.monthrange(due.year, due.month)[1])
    return due
