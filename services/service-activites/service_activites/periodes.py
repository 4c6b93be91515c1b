"""Days of Paris and what is late (R12, R13, R15), as pure functions of an instant or a day."""

from datetime import date, datetime, timedelta
from typing import Final

from db_utils.clock import midnight
from grpc_utils import permitted
from grpc_utils.errors import ValeurInconnue

from service_activites.models import A_FAIRE, EN_COURS, Tache

OPEN = (A_FAIRE, EN_COURS)
PERIODES: Final = ("aujourd_hui", "semaine", "mois")
_DAY = timedelta(days=1)

Bounds = tuple[datetime, datetime]  # the first instant of a period, and the first one after it


def bounds(periode: str, today: date) -> Bounds:
    """The day, week or month in Paris that holds *today* (R13). Raises ValeurInconnue."""
    match periode:
        case "aujourd_hui":
            first, after = today, today + _DAY
        case "semaine":
            first = today - timedelta(days=today.weekday())
            after = first + timedelta(days=7)
        case "mois":
            first = today.replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
        case _:
            raise ValeurInconnue(*permitted(PERIODES), champ="periode")
    return midnight(first), midnight(after)


def tomorrow(today: date) -> Bounds:
    """The day in Paris after *today*, whether it has 23, 24 or 25 hours (R15)."""
    return midnight(today + _DAY), midnight(today + 2 * _DAY)


def is_late(tache: Tache, now: datetime) -> bool:
    """Whether *tache* is open and was due before *now* (R12)."""
    return tache.statut in OPEN and tache.date_echeance is not None and tache.date_echeance < now
