"""Holidays of the law and closing days of TARGET, computed and from the library."""

import subprocess
import sys
from datetime import date
from itertools import product

import pytest
from service_calendar.legal import FEASTS, LUNDI_DE_PENTECOTE, ComputedHolidays, easter
from service_calendar.packaged import PackagedHolidays
from service_calendar.providers import COMPARED, DIFFERENT, REMEMBERED

COMPUTED, PACKAGED = ComputedHolidays(), PackagedHolidays()

# Good Friday, Easter Monday, Ascension, Whit Monday.
MOVABLE = {
    2024: ("03-29", "04-01", "05-09", "05-20"),
    2025: ("04-18", "04-21", "05-29", "06-09"),
    2026: ("04-03", "04-06", "05-14", "05-25"),
    2027: ("03-26", "03-29", "05-06", "05-17"),
    2028: ("04-14", "04-17", "05-25", "06-05"),
    2029: ("03-30", "04-02", "05-10", "05-21"),
    2030: ("04-19", "04-22", "05-30", "06-10"),
}
FIXED = {
    "01-01": "Jour de l'an",
    "05-01": "Fête du Travail",
    "05-08": "Fête de la Victoire",
    "07-14": "Fête nationale",
    "08-15": "Assomption",
    "11-01": "Toussaint",
    "11-11": "Armistice",
    "12-25": "Noël",
}
ABOLITION = "Abolition de l'esclavage"
OVERSEAS = {"FR-971": "05-27", "FR-972": "05-22", "FR-973": "06-10", "FR-974": "12-20", "FR-976": "04-27"}
PROVIDERS = pytest.mark.parametrize("provider", [COMPUTED, REMEMBERED], ids=["computed", "served"])
YEARS = pytest.mark.parametrize("year", MOVABLE)


def national(year: int) -> dict[str, str]:
    """The eleven holidays of *year*, by month and day."""
    _, monday, ascension, whit = MOVABLE[year]
    return FIXED | {monday: "Lundi de Pâques", ascension: "Ascension", whit: "Lundi de Pentecôte"}


def said(days: dict[date, str]) -> dict[str, str]:
    """*days* by month and day."""
    return {day.isoformat()[5:]: nom for day, nom in days.items()}


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        (2024, "2024-03-31"),
        (2025, "2025-04-20"),
        (2026, "2026-04-05"),
        (2027, "2027-03-28"),
        (2028, "2028-04-16"),
        (2029, "2029-04-01"),
        (2030, "2030-04-21"),
        (2038, "2038-04-25"),
        (2008, "2008-03-23"),
        (1818, "1818-03-22"),
        (1943, "1943-04-25"),
    ],
)
def test_R7_easter(year: int, sunday: str) -> None:
    """Years of the brief, and the earliest and latest Easter of the last centuries."""
    assert easter(year).isoformat() == sunday


@YEARS
@PROVIDERS
def test_R6_R9_france_has_eleven_holidays(provider: ComputedHolidays, year: int) -> None:
    """With their French names, from 2024 to 2030."""
    assert said(dict(provider.holidays("FR", year))) == national(year)


@YEARS
@PROVIDERS
def test_R6_R9_alsace_moselle_has_two_more(provider: ComputedHolidays, year: int) -> None:
    """Good Friday and 26 December."""
    more = {MOVABLE[year][0]: "Vendredi saint", "12-26": "Saint-Étienne"}
    assert said(dict(provider.holidays("FR-ALS", year))) == national(year) | more


@YEARS
@PROVIDERS
@pytest.mark.parametrize("zone", OVERSEAS)
def test_R6_R9_overseas_celebrates_the_abolition_of_slavery(
    provider: ComputedHolidays, zone: str, year: int
) -> None:
    """On a day of its own, which is Whit Monday too in Guyane in 2030; customary days are left out."""
    feasts, day = national(year), OVERSEAS[zone]
    feasts[day] = f"{ABOLITION} et {feasts[day]}" if day in feasts else ABOLITION
    assert said(dict(provider.holidays(zone, year))) == feasts


@YEARS
@PROVIDERS
def test_R5_target_closes_on_six_days(provider: ComputedHolidays, year: int) -> None:
    """1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December."""
    friday, monday, *_ = MOVABLE[year]
    days = sorted(day.isoformat()[5:] for day in provider.target_closings(year))
    assert days == sorted(["01-01", friday, monday, "05-01", "12-25", "12-26"])


def test_R6_the_week_days_of_the_fixed_holidays() -> None:
    """Thursday to Sunday and round again, as calendars of 2025 to 2028 have them."""
    days = ("05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25", "12-26")
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    found = {
        year: [names[date.fromisoformat(f"{year}-{day}").weekday()] for day in days]
        for year in range(2025, 2029)
    }
    assert found == {
        2025: ["Thu", "Thu", "Mon", "Fri", "Sat", "Tue", "Thu", "Fri"],
        2026: ["Fri", "Fri", "Tue", "Sat", "Sun", "Wed", "Fri", "Sat"],
        2027: ["Sat", "Sat", "Wed", "Sun", "Mon", "Thu", "Sat", "Sun"],
        2028: ["Mon", "Mon", "Fri", "Tue", "Wed", "Sat", "Mon", "Tue"],
    }


def test_R9_two_feasts_of_one_day_are_both_named() -> None:
    """Ascension fell on 1 May in 2008 and falls on 8 May in 2059."""
    for provider in (COMPUTED, PACKAGED):
        assert provider.holidays("FR", 2008)[date(2008, 5, 1)] == "Fête du Travail et Ascension"
        assert provider.holidays("FR", 2059)[date(2059, 5, 8)] == "Fête de la Victoire et Ascension"


def test_R6_the_library_and_the_law_agree_but_for_four_years() -> None:
    """In all zones and all years of the century; the four years are asked of the law."""
    different = set[tuple[str, date, str]]()
    for zone, year in product(FEASTS, COMPARED):
        law, library = (provider.holidays(zone, year).items() for provider in (COMPUTED, PACKAGED))
        different |= {(zone, day, nom) for day, nom in law ^ library}
    whit_mondays = (date(2005, 5, 16), date(2006, 6, 5), date(2007, 5, 28))
    assert different == {(zone, day, LUNDI_DE_PENTECOTE) for zone in FEASTS for day in whit_mondays}
    assert {day.year for day in whit_mondays} | {2001} == DIFFERENT


def test_R5_the_library_and_target_agree_but_for_one_day() -> None:
    """31 December 2001, which the library closes for the arrival of euro cash."""
    different = {
        day for year in COMPARED for day in COMPUTED.target_closings(year) ^ PACKAGED.target_closings(year)
    }
    assert different == {date(2001, 12, 31)}


@pytest.mark.parametrize("year", [1999, 2001, 2005, 2026, 2100, 2122])
def test_R6_what_is_served_is_the_law(year: int) -> None:
    """Also beyond the century, where counting days may lead."""
    for zone in FEASTS:
        assert REMEMBERED.holidays(zone, year) == COMPUTED.holidays(zone, year)
    assert REMEMBERED.target_closings(year) == COMPUTED.target_closings(year)


def test_R6_the_library_is_imported_with_the_first_question() -> None:
    """Not with this service, whose code is imported by every process of a mesh."""
    script = "import sys, service_calendar.packaged; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
