"""Calendars, entered holidays and days for the tests of rules."""

from datetime import date, time
from typing import Any

from service_calendar.business_days import BUILT_IN, Zone, ZoneCalendar
from service_calendar.legal import ComputedHolidays
from service_calendar.models import Holiday
from service_calendar.resolution import Resolved

HOLIDAYS = ComputedHolidays()
NOTHING = Zone("NUE", "Sans fériés", base="", inclure_target=False)


def entered(day: str, nom: str = "Fermeture", **fields: Any) -> Holiday:
    """A holiday that somebody has entered for *day*."""
    return Holiday(organisation_id="org", zone_code="FR", date=date.fromisoformat(day), nom=nom, **fields)


def closed(first: str, last: str) -> list[Holiday]:
    """Every day from *first* to *last* as an entered holiday."""
    days = range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1)
    return [entered(date.fromordinal(number).isoformat()) for number in days]


def calendar(zone: str | Zone = "FR", *holidays: Holiday) -> ZoneCalendar:
    """The days of *zone* with those entered *holidays*."""
    return ZoneCalendar(BUILT_IN[zone] if isinstance(zone, str) else zone, holidays, HOLIDAYS)


def config(**fields: Any) -> Resolved:
    """The default configuration of R2 with other *fields*."""
    usual: dict[str, Any] = {
        "niveau": "SYSTEM",
        "config_id": "",
        "mode": "BATCH" if "batch" in fields else "FIXED_DAY",
        "batch": "",
        "fixed_day": 0 if "batch" in fields else 5,
        "shift_strategy": "NEXT_BUSINESS_DAY",
        "zone_code": "FR",
        "cutoff": time(14),
        "lead_days": 2,
        "herite": (),
    }
    return Resolved(**usual | fields)
