"""The port through which this service learns of holidays, and what stands behind it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

from service_calendar.legal import ComputedHolidays
from service_calendar.packaged import PackagedHolidays

COMPARED: Final = range(2000, 2100)
"""The years for which a test compares the library with the law."""

DIFFERENT: Final = frozenset({2001, 2005, 2006, 2007})
"""Years in which the library differs from the law, which wins (R5, R6).

It lacks Whit Monday of 2005 to 2007, which was a day of solidarity and a holiday all the same, and
has TARGET closed on 31 December 2001, for the arrival of euro cash.
"""

_REMEMBERED = 2_048  # zones and years: seven zones for three centuries


class HolidayProvider(Protocol):
    """Who knows the holidays of the built-in zones and the closing days of TARGET."""

    def holidays(self, zone_code: str, year: int) -> Mapping[date, str]:
        """The holidays of a built-in zone in *year*, with their French names (R6, R9)."""

    def target_closings(self, year: int) -> AbstractSet[date]:
        """The days of *year* on which TARGET is closed besides Saturdays and Sundays (R5)."""


class RememberedHolidays:
    """Answers of the library where it was compared with the law, of computation for other years.

    Each is asked once per zone and year. Years outside of this century are met where days are
    counted beyond the accepted dates.
    """

    def __init__(self) -> None:
        self._packaged, self._computed = PackagedHolidays(), ComputedHolidays()
        self.holidays = lru_cache(_REMEMBERED)(self._holidays)
        self.target_closings = lru_cache(_REMEMBERED)(self._target_closings)

    def _holidays(self, zone_code: str, year: int) -> Mapping[date, str]:
        return self._for(year).holidays(zone_code, year)

    def _target_closings(self, year: int) -> AbstractSet[date]:
        return self._for(year).target_closings(year)

    def _for(self, year: int) -> HolidayProvider:
        return self._packaged if year in COMPARED and year not in DIFFERENT else self._computed


REMEMBERED: Final = RememberedHolidays()
