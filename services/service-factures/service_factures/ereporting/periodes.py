"""Periods of e-reporting, as pure functions (R43): which one a day is in, and until when it is declared.

Days and forms stand in tables: they are those that accountants publish, and may change.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from grpc_utils.errors import InvalidArgument

from service_factures.societes import REGIMES

TRANSACTION, ENCAISSEMENT = "TRANSACTION", "ENCAISSEMENT"
NATURES: Final = (TRANSACTION, ENCAISSEMENT)
REEL_MENSUEL, REEL_TRIMESTRIEL, SIMPLIFIE, FRANCHISE = REGIMES

_DECADE, _MOIS, _BIMESTRE = "D", "M", "B"
# A period as in 2027-09-D1, 2027-09 or 2027-B5, of years for which it makes sense.
_FORM: Final = re.compile(r"(2[0-9]{3})-(?:(0[1-9]|1[0-2])(?:-D([123]))?|B([1-6]))")
_ENDS: Final[Mapping[int, int]] = {1: 10, 2: 20}  # last days of décades but the third


class PeriodeInconnue(InvalidArgument):
    """Une période s'écrit 2027-09-D1 (décade), 2027-09 (mois) ou 2027-B5 (deux mois), selon le régime."""


class PeriodeDUnAutreRegime(InvalidArgument):
    """Au régime {regime}, les ventes se déclarent par {ventes}, les encaissements par {encaissements}."""


@dataclass(frozen=True, slots=True)
class Periode:
    """A period by its name, with its first and its last day."""

    nom: str
    debut: date
    fin: date

    @property
    def forme(self) -> str:
        """Décade (D), month (M) or two months (B)."""
        return next((one for one in (_DECADE, _BIMESTRE) if one in self.nom), _MOIS)


def of_day(regime: str, nature: str, day: date) -> Periode:
    """The period in which a société of *regime* declares an operation of *day*."""
    forme = _FORMS[regime][nature]
    if forme == _MOIS:
        return named(f"{day:%Y-%m}")
    if forme == _BIMESTRE:
        return named(f"{day.year}-B{(day.month + 1) // 2}")
    return named(f"{day:%Y-%m}-D{min(3, (day.day + 9) // 10)}")


def named(nom: str) -> Periode:
    """The period *nom*. Raises PeriodeInconnue."""
    read = _FORM.fullmatch(nom)
    if read is None:
        raise PeriodeInconnue(champ="periode")
    year, month, decade, bimestre = (int(one) if one else 0 for one in read.groups())
    if bimestre:
        return Periode(nom, date(year, 2 * bimestre - 1, 1), _month_end(year, 2 * bimestre))
    last = _month_end(year, month)
    if not decade:
        return Periode(nom, last.replace(day=1), last)
    return Periode(nom, last.replace(day=10 * decade - 9), last.replace(day=_ENDS.get(decade, last.day)))


def natures(regime: str, periode: Periode) -> tuple[str, ...]:
    """The operations that a société of *regime* declares by periods of this form (R43)."""
    return tuple(nature for nature, forme in _FORMS[regime].items() if forme == periode.forme)


def words(regime: str) -> dict[str, str]:
    """The forms of the periods of *regime*, for people."""
    ventes, encaissements = (_WORDS[_FORMS[regime][nature]] for nature in NATURES)
    return {"regime": regime, "ventes": ventes, "encaissements": encaissements}


def due(regime: str, periode: Periode) -> date:
    """The last day on which *periode* is declared; of a span of days the first, so that none is late."""
    if periode.forme == _DECADE:
        return of_day(REEL_MENSUEL, TRANSACTION, periode.fin + timedelta(days=1)).fin
    return _DUE[regime](periode.fin + timedelta(days=1))


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def _on_10th(next_day: date) -> date:
    return next_day.replace(day=10)


def _on_25th(next_day: date) -> date:
    return next_day.replace(day=25)


_FORMS: Final[Mapping[str, Mapping[str, str]]] = {
    REEL_MENSUEL: {TRANSACTION: _DECADE, ENCAISSEMENT: _MOIS},
    REEL_TRIMESTRIEL: {TRANSACTION: _MOIS, ENCAISSEMENT: _MOIS},
    SIMPLIFIE: {TRANSACTION: _MOIS, ENCAISSEMENT: _MOIS},
    FRANCHISE: {TRANSACTION: _BIMESTRE, ENCAISSEMENT: _BIMESTRE},
}
_WORDS: Final[Mapping[str, str]] = {
    _DECADE: "décade (2027-09-D1)",
    _MOIS: "mois (2027-09)",
    _BIMESTRE: "deux mois (2027-B5)",
}
# By the first day after the period, which is in the month in which it is declared.
_DUE: Final[Mapping[str, Callable[[date], date]]] = {
    REEL_MENSUEL: _on_10th,
    REEL_TRIMESTRIEL: _on_10th,
    SIMPLIFIE: _on_25th,
    FRANCHISE: _on_25th,
}
