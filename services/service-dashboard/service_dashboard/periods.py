"""Periods of whole days in Paris: the one that a request means and the one before it (R2, R3)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crm.dashboard import dashboard_pb2 as pb
from db_utils.clock import midnight
from grpc_utils import optional_date
from grpc_utils.errors import InvalidArgument, ValeurInconnue

PERSONNALISEE = "personnalisee"
QUICK = ("", PERSONNALISEE, "mois_courant", "mois_dernier", "trimestre_courant", "annee_courante")
# So far from the ends of the calendar that every period in between has one before it.
_EARLIEST, _LATEST = date(1900, 1, 1), date(2999, 12, 31)
_LONGEST = 5  # years
_DAY = timedelta(days=1)


class PeriodeInvalide(InvalidArgument):
    """La période doit commencer avant de finir, durer cinq ans au plus et se situer entre 1900 et 2999."""


@dataclass(frozen=True, slots=True)
class Periode:
    """The days from *debut* to *fin*, both included."""

    debut: date
    fin: date

    @property
    def previous(self) -> "Periode":
        """The period of as many days that ends on the day before this one begins (R3)."""
        return Periode(self.debut - (self.fin - self.debut) - _DAY, self.debut - _DAY)

    @property
    def begins(self) -> datetime:
        """The first instant of the first day."""
        return midnight(self.debut)

    @property
    def ends(self) -> datetime:
        """The first instant after the last day: a period holds what is before it."""
        return midnight(self.fin + _DAY)


def asked_for(filters: pb.DashboardFilters, today: date) -> Periode:
    """The period that *filters* mean on the day *today* (R2).

    Raises ValeurInconnue, DateInvalide, PeriodeInvalide.
    """
    debut = optional_date(filters.date_debut, "date_debut")
    fin = optional_date(filters.date_fin, "date_fin")
    if filters.periode_rapide not in ("", PERSONNALISEE):
        return _quick(filters.periode_rapide, today)
    return _checked(Periode(debut or today.replace(day=1), fin or today))


def asked_for_months(filters: pb.DashboardFilters, today: date) -> Periode:
    """The period that *filters* mean where figures are told month by month, twelve unless said (R7).

    Raises ValeurInconnue, DateInvalide, PeriodeInvalide.
    """
    debut = optional_date(filters.date_debut, "date_debut")
    fin = optional_date(filters.date_fin, "date_fin") or today
    if filters.periode_rapide not in QUICK:
        raise ValeurInconnue(champ="periode_rapide")
    return _checked(Periode(debut or shifted(fin, -11), fin))


def mois_courant(today: date) -> Periode:
    """The month of *today* until today."""
    return Periode(today.replace(day=1), today)


def shifted(mois: date, by: int) -> date:
    """The first day of the month that is *by* months after that of *mois*, before it when negative."""
    year, month = divmod(mois.year * 12 + mois.month - 1 + by, 12)
    return date(year, month + 1, 1)


def _quick(name: str, today: date) -> Periode:
    first = today.replace(day=1)
    match name:
        case "mois_courant":
            return mois_courant(today)
        case "mois_dernier":
            return Periode((first - _DAY).replace(day=1), first - _DAY)
        case "trimestre_courant":
            return Periode(first.replace(month=(today.month - 1) // 3 * 3 + 1), today)
        case "annee_courante":
            return Periode(first.replace(month=1), today)
    raise ValeurInconnue(champ="periode_rapide")


def _checked(periode: Periode) -> Periode:
    debut, fin = periode.debut, periode.fin
    too_long = (fin.year - _LONGEST, fin.month, fin.day) >= (debut.year, debut.month, debut.day)
    if not _EARLIEST <= debut <= fin <= _LATEST or too_long:
        raise PeriodeInvalide
    return periode
