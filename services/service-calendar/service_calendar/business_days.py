"""Eligible days of a zone: which they are, the next and the former one, counting them (R5, R8, R15, R16).

Pure: the holidays that people entered are given. `reading.py` reads them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from grpc_utils.errors import FailedPrecondition

from service_calendar.legal import FERMETURE_TARGET, FRANCE
from service_calendar.models import Holiday, HolidayZone
from service_calendar.providers import REMEMBERED, HolidayProvider

SEARCHED: Final = 31  # days without an eligible one after which a search is given up (R15)

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class NoEligibleDateFound(FailedPrecondition):
    """Aucun jour de prélèvement n'est possible dans les 31 jours."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Zone of holidays; *base* is the built-in one whose holidays it has, "" for none (R6)."""

    code: str
    nom: str
    base: str = FRANCE
    inclure_target: bool = True


BUILT_IN: Final[Mapping[str, Zone]] = MappingProxyType(
    {
        code: Zone(code, nom, base=code)
        for code, nom in {
            "FR": "France",
            "FR-ALS": "Alsace-Moselle",
            "FR-971": "Guadeloupe",
            "FR-972": "Martinique",
            "FR-973": "Guyane",
            "FR-974": "La Réunion",
            "FR-976": "Mayotte",
        }.items()
    }
)


def zone_of(row: HolidayZone) -> Zone:
    """The zone that an organisation has made."""
    base = (row.region or FRANCE) if row.pays == FRANCE else ""
    return Zone(row.code, row.nom, base, row.inclure_target)


@dataclass(frozen=True, slots=True)
class Day:
    """What a day is in a zone: *nom* is that of its holiday, "" for none."""

    weekend: bool
    nom: str
    target_closed: bool

    @property
    def eligible(self) -> bool:
        """Whether debits are settled on it (R5)."""
        return not (self.weekend or self.nom or self.target_closed)

    @property
    def label(self) -> str:
        """The name under which it is shown (R9)."""
        return self.nom or (FERMETURE_TARGET if self.target_closed else "")

    @property
    def reason(self) -> str:
        """Why it is not eligible, "" when it is; the weekend comes first (R12)."""
        if self.weekend:
            return "weekend"
        if self.nom:
            return f"ferie:{self.nom}"
        return "target" if self.target_closed else ""


class ZoneCalendar:
    """The days of *zone* with the holidays *entered* for it.

    An entry of a date has the last word over recurrent ones of its day and month, and of these the
    latest date. Days are worked out once.
    """

    def __init__(
        self, zone: Zone, entered: Iterable[Holiday], provider: HolidayProvider = REMEMBERED
    ) -> None:
        self.zone, self.entered, self._provider = zone, sorted(entered, key=lambda one: one.date), provider
        self._dated = {one.date: one for one in self.entered}
        self._yearly = {(one.date.month, one.date.day): one for one in self.entered if one.recurrent}
        self._days: dict[date, Day] = {}

    def day(self, day: date) -> Day:
        """What *day* is."""
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = Day(day.weekday() >= _SATURDAY, self._holiday(day), self._closed(day))
        return known

    def computed(self, year: int) -> Mapping[date, str]:
        """The holidays of *year* that nobody had to enter."""
        return self._provider.holidays(self.zone.base, year) if self.zone.base else {}

    def closings(self, year: int) -> Iterable[date]:
        """The closing days of TARGET in *year*, none in a zone that does not keep them."""
        return self._provider.target_closings(year) if self.zone.inclure_target else ()

    def entry(self, day: date) -> Holiday | None:
        """The entered holiday that counts on *day*."""
        return self._dated.get(day) or self._yearly.get((day.month, day.day))

    def is_eligible(self, day: date) -> bool:
        """Whether debits are settled on *day*."""
        return self.day(day).eligible

    def next(self, day: date) -> date:
        """*day* if it is eligible, else the first such day after it. Raises NoEligibleDateFound."""
        return self._first(day, _ONE_DAY)

    def former(self, day: date) -> date:
        """*day* if it is eligible, else the last such day before it. Raises NoEligibleDateFound."""
        return self._first(day, -_ONE_DAY)

    def add(self, day: date, number: int) -> date:
        """The *number*-th eligible day after *day*, before it for a negative one (R16).

        0 is the day itself, or the next eligible one. Raises NoEligibleDateFound.
        """
        if number == 0:
            return self.next(day)
        step = _ONE_DAY if number > 0 else -_ONE_DAY
        for _ in range(abs(number)):
            day = self._first(day + step, step)
        return day

    def _holiday(self, day: date) -> str:
        nom, entry = self.computed(day.year).get(day, ""), self.entry(day)
        if entry is None:
            return nom
        return "" if entry.ouvre else nom or entry.nom

    def _closed(self, day: date) -> bool:
        return self.zone.inclure_target and day in self._provider.target_closings(day.year)

    def _first(self, day: date, step: timedelta) -> date:
        for one in _days(day, step):
            if self.day(one).eligible:
                return one
        raise NoEligibleDateFound


def _days(day: date, step: timedelta) -> Iterator[date]:
    return (day + step * number for number in range(SEARCHED + 1))
