"""Holidays of French law and closing days of TARGET, computed (R5, R6, R7, R9).

What is a holiday and what it is called is decided here; `packaged.py` reads the same days from a
library, and a test compares the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

FRANCE: Final = "FR"
FERMETURE_TARGET: Final = "Fermeture TARGET"
LUNDI_DE_PENTECOTE: Final = "Lundi de Pentecôte"
SAINT_ETIENNE: Final = "Saint-Étienne"

_ABOLITION = "Abolition de l'esclavage"


@dataclass(frozen=True, slots=True)
class Feasts:
    """Names of days of every year: those of the same month and day, and those so many days after Easter."""

    fixed: Mapping[tuple[int, int], str]
    from_easter: Mapping[int, str]

    def of(self, year: int) -> list[tuple[date, str]]:
        """The days of *year* with their names, the fixed ones first."""
        sunday = easter(year)
        fixed = [(date(year, month, day), nom) for (month, day), nom in self.fixed.items()]
        return fixed + [(sunday + timedelta(days=days), nom) for days, nom in self.from_easter.items()]

    def __or__(self, other: "Feasts") -> "Feasts":
        return Feasts({**self.fixed, **other.fixed}, {**self.from_easter, **other.from_easter})

    @property
    def names(self) -> list[str]:
        """The names, in the order in which days that fall together are named."""
        return [*self.fixed.values(), *self.from_easter.values()]


_NATIONAL = Feasts(
    {
        (1, 1): "Jour de l'an",
        (5, 1): "Fête du Travail",
        (5, 8): "Fête de la Victoire",
        (7, 14): "Fête nationale",
        (8, 15): "Assomption",
        (11, 1): "Toussaint",
        (11, 11): "Armistice",
        (12, 25): "Noël",
    },
    {1: "Lundi de Pâques", 39: "Ascension", 50: LUNDI_DE_PENTECOTE},
)
FEASTS: Final[Mapping[str, Feasts]] = MappingProxyType(
    {
        FRANCE: _NATIONAL,
        "FR-ALS": _NATIONAL | Feasts({(12, 26): SAINT_ETIENNE}, {-2: "Vendredi saint"}),
        "FR-971": _NATIONAL | Feasts({(5, 27): _ABOLITION}, {}),
        "FR-972": _NATIONAL | Feasts({(5, 22): _ABOLITION}, {}),
        "FR-973": _NATIONAL | Feasts({(6, 10): _ABOLITION}, {}),
        "FR-974": _NATIONAL | Feasts({(12, 20): _ABOLITION}, {}),
        "FR-976": _NATIONAL | Feasts({(4, 27): _ABOLITION}, {}),
    }
)
"""The holidays of each built-in zone (R6)."""

_TARGET = Feasts(
    dict.fromkeys(((1, 1), (5, 1), (12, 25), (12, 26)), FERMETURE_TARGET),
    dict.fromkeys((-2, 1), FERMETURE_TARGET),
)


class ComputedHolidays:
    """Holidays and closing days of any year, by computation alone."""

    def holidays(self, zone_code: str, year: int) -> Mapping[date, str]:
        """See `providers.HolidayProvider`."""
        return together(FEASTS[zone_code].of(year))

    def target_closings(self, year: int) -> frozenset[date]:
        """See `providers.HolidayProvider`."""
        return frozenset(day for day, _ in _TARGET.of(year))


def together(feasts: Iterable[tuple[date, str]]) -> dict[date, str]:
    """The name of each day; two feasts on one day are both named, as on 1 May 2008."""
    days: dict[date, str] = {}
    for day, nom in feasts:
        days[day] = f"{days[day]} et {nom}" if day in days else nom
    return days


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (R7); the letters are those of Meeus."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    r = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * r) // 451
    month, day = divmod(h + r - 7 * m + 114, 31)
    return date(year, month, day + 1)
