"""Due dates as pure functions (R16, R31)."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from grpc_utils.errors import InvalidArgument

from service_factures.models import AVANT_45J

_DAYS: Final[Mapping[str, int]] = {"RECEPTION": 0, "J15": 15, "J30": 30, "J45": 45, "J60": 60}
_LONGEST = timedelta(days=60)  # code de commerce L441-10, I
_LONGEST_RECAPITULATIVE = timedelta(days=45)  # the same article
J30_FDM, J45_FDM = "J30_FDM", "J45_FDM"


class DelaiPaiementIllegal(InvalidArgument):
    """Le délai de paiement dépasse celui de l'article L441-10 du code de commerce."""


class EcheanceAnterieure(InvalidArgument):
    """L'échéance est antérieure à l'émission."""


def of_conditions(emission: date, conditions: str, calcul_fin_de_mois: str) -> date:
    """The day that payment terms make of the day of issue; week-ends are not shifted (R16)."""
    if conditions in _DAYS:
        return emission + timedelta(days=_DAYS[conditions])
    if conditions == J30_FDM:
        return _month_end(emission + timedelta(days=30))
    if calcul_fin_de_mois == AVANT_45J:
        return _month_end(emission) + timedelta(days=45)
    return _month_end(emission + timedelta(days=45))


def echeance(
    emission: date,
    asked: date | None,
    conditions: str,
    calcul_fin_de_mois: str,
    *,
    particulier: bool,
    recapitulative: bool,
) -> date:
    """The due date of an invoice, the one *asked* for if the law admits it (R16, R31).

    Only a buyer who is known to be a *particulier* has no limit of 60 days. Raises
    DelaiPaiementIllegal, EcheanceAnterieure.
    """
    usual = of_conditions(emission, conditions, calcul_fin_de_mois)
    day = asked or usual
    if day < emission:
        raise EcheanceAnterieure(champ="date_echeance")
    if recapitulative and day > emission + _LONGEST_RECAPITULATIVE:
        raise DelaiPaiementIllegal(champ="date_echeance")
    latest = emission + _LONGEST
    if conditions in (J30_FDM, J45_FDM):
        latest = max(latest, usual)
    if not particulier and day > latest:
        raise DelaiPaiementIllegal(champ="date_echeance")
    return day


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
