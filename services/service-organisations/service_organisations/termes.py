"""The rules of the reference lists, pure: which entries may exist, and when an invoice is due."""

import calendar
from datetime import date, timedelta
from typing import Any

from crm.organisations import organisations_pb2 as pb
from grpc_utils import required
from grpc_utils.errors import FailedPrecondition, FormatInvalide, InvalidArgument, ValeurInconnue

from service_organisations.models import FAMILLES, Entree
from service_organisations.rules import named_organisation

CONDITION_PAIEMENT = "CONDITION_PAIEMENT"
_LONGEST_DELAY = 365  # days


class ReferentielSysteme(FailedPrecondition):
    """Une entrée fournie par le système ne peut être supprimée."""


class DelaiInterdit(InvalidArgument):
    """Seule une condition de paiement a un délai ou une fin de mois."""


def famille(text: str) -> str:
    """One of the reference lists. Raises ChampRequis, ValeurInconnue."""
    if required(text, "famille") not in FAMILLES:
        raise ValeurInconnue(champ="famille")
    return text


def new_entree(request: pb.UpsertEntreeRequest) -> Entree:
    """The organisation's own entry that *request* describes (R14)."""
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
    """What an entry says besides its place in the lists."""
    columns = ("nom", "description", "delai_jours", "fin_de_mois", "ordre")
    return {column: getattr(entree, column) for column in columns}


def due_date(invoiced_on: date, terms: Entree) -> date:
    """When an invoice of *invoiced_on* is to be paid under *terms* (R15).

    The days are counted first, then the end of that month is taken, as article L441-10 of
    the Code de commerce allows ("45 jours fin de mois").
    """
    due = invoiced_on + timedelta(days=terms.delai_jours or 0)
    if terms.fin_de_mois:
        due = due.replace(day=calendar.monthrange(due.year, due.month)[1])
    return due
