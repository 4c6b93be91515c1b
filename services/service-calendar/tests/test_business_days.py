"""Eligible days of a zone (R5, R8, R9, R12, R15, R16), as pure functions."""

from datetime import date
from typing import Any

import pytest
from service_calendar.business_days import BUILT_IN, Day, NoEligibleDateFound, Zone, zone_of
from service_calendar.models import Holiday, HolidayZone
from tests.jours import NOTHING, calendar, closed, entered

ELIGIBLE = Day(weekend=False, nom="", target_closed=False)


def day(text: str) -> date:
    """The day that *text* says."""
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-04-03", "FR", Day(False, "", True)),
        ("2026-04-03", "FR-ALS", Day(False, "Vendredi saint", True)),
        ("2026-04-03", NOTHING, ELIGIBLE),
        ("2026-12-26", "FR", Day(True, "", True)),
        ("2028-12-26", "FR", Day(False, "", True)),
        ("2028-12-26", "FR-ALS", Day(False, "Saint-Étienne", True)),
        ("2026-05-08", "FR", Day(False, "Fête de la Victoire", False)),
        ("2026-05-14", "FR", Day(False, "Ascension", False)),
        ("2026-05-15", "FR", ELIGIBLE),
        ("2026-04-27", "FR-976", Day(False, "Abolition de l'esclavage", False)),
        ("2026-04-27", "FR", ELIGIBLE),
        ("2026-05-01", NOTHING, ELIGIBLE),
        ("2026-05-02", NOTHING, Day(True, "", False)),
        ("2028-02-29", "FR", ELIGIBLE),
    ],
)
def test_R5_what_a_day_is(text: str, zone: str | Zone, expected: Day) -> None:
    """Weekend, holiday of the zone, closing day of TARGET: none of them for an eligible day."""
    found = calendar(zone).day(day(text))
    assert (found, found.eligible) == (expected, expected == ELIGIBLE)


@pytest.mark.parametrize(
    ("text", "label", "reason"),
    [
        ("2026-04-03", "Fermeture TARGET", "target"),
        ("2026-04-06", "Lundi de Pâques", "ferie:Lundi de Pâques"),
        ("2026-08-15", "Assomption", "weekend"),
        ("2026-12-26", "Fermeture TARGET", "weekend"),
        ("2026-07-15", "", ""),
    ],
)
def test_R9_R12_names_and_reasons_of_days(text: str, label: str, reason: str) -> None:
    """A day has the name of its holiday; of reasons the weekend comes first."""
    found = calendar().day(day(text))
    assert (found.label, found.reason) == (label, reason)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"pays": "FR"}, ("FR", True)),
        ({"pays": "FR", "region": "FR-ALS"}, ("FR-ALS", True)),
        ({"pays": None, "inclure_target": False}, ("", False)),
    ],
)
def test_R6_zones_of_organisations_stand_on_built_in_ones(
    row: dict[str, str], expected: tuple[str, bool]
) -> None:
    """France with the days of a region, or no computed holiday."""
    fields: dict[str, Any] = {"organisation_id": "org", "code": "SIEGE", "nom": "Siège"}
    zone = zone_of(HolidayZone(**fields | row))
    assert (zone.code, zone.base, zone.inclure_target) == ("SIEGE", *expected)


@pytest.mark.parametrize(
    ("text", "holiday", "eligible"),
    [
        ("2026-07-10", entered("2026-07-10"), False),
        ("2027-07-09", entered("2026-07-09"), True),
        ("2027-07-09", entered("2026-07-09", recurrent=True), False),
        ("2025-07-09", entered("2026-07-09", recurrent=True), False),
        ("2026-05-25", entered("2026-05-25", ouvre=True), True),
        ("2027-05-17", entered("2026-05-25", ouvre=True), False),
        ("2028-05-08", entered("2026-05-08", ouvre=True, recurrent=True), True),
        ("2026-08-15", entered("2026-08-15", ouvre=True), False),
        ("2026-04-03", entered("2026-04-03", ouvre=True), False),
        ("2026-05-01", entered("2026-05-01", ouvre=True), False),
        ("2028-02-29", entered("2024-02-29", recurrent=True), False),
        ("2027-03-01", entered("2024-02-29", recurrent=True), True),
        ("2025-02-28", entered("2024-02-29", recurrent=True), True),
    ],
)
def test_R8_entered_holidays_add_and_take_away(text: str, holiday: Holiday, eligible: bool) -> None:
    """They add days; *ouvre* takes holidays away, but neither weekends nor closings of TARGET."""
    assert calendar("FR", holiday).is_eligible(day(text)) == eligible


def test_R8_a_dated_entry_has_the_last_word() -> None:
    """Over a recurrent one of the same day; of two recurrent ones the later year counts."""
    every_year = entered("2024-07-10", "Pont", recurrent=True)
    but_once = entered("2026-07-10", ouvre=True)
    found = calendar("FR", every_year, but_once)
    assert (found.is_eligible(day("2026-07-10")), found.day(day("2028-07-10")).nom) == (True, "Pont")
    later = entered("2025-07-10", "Fermeture annuelle", recurrent=True)
    assert calendar("FR", later, every_year).day(day("2028-07-10")).nom == "Fermeture annuelle"


def test_R8_a_computed_holiday_keeps_its_name() -> None:
    """When somebody enters the same day."""
    assert calendar("FR", entered("2026-07-14", "Pont")).day(day("2026-07-14")).nom == "Fête nationale"


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("2026-04-02", 1, "2026-04-07"),
        ("2026-04-07", -1, "2026-04-02"),
        ("2026-04-07", -2, "2026-04-01"),
        ("2026-04-30", 10, "2026-05-19"),
        ("2026-05-11", -2, "2026-05-06"),
        ("2026-04-07", 0, "2026-04-07"),
        ("2026-04-04", 0, "2026-04-07"),
        ("2026-04-04", 1, "2026-04-07"),
        ("2026-04-04", -1, "2026-04-02"),
        ("2026-12-31", 1, "2027-01-04"),
        ("2027-01-01", -1, "2026-12-31"),
        ("2099-12-31", 1, "2100-01-04"),
        ("2000-01-01", -1, "1999-12-31"),
    ],
)
def test_R16_counting_eligible_days(text: str, number: int, expected: str) -> None:
    """Strictly after or before a day; 0 is the day itself, or the next eligible one."""
    assert calendar().add(day(text), number) == day(expected)


@pytest.mark.parametrize("number", [250, -250])
def test_R16_counting_there_and_back(number: int) -> None:
    """A year of eligible days forwards and backwards ends where it began."""
    there = calendar().add(day("2026-06-30"), number)
    assert calendar().add(there, -number) == day("2026-06-30")


def test_R15_a_search_ends_after_31_days() -> None:
    """The 32nd day is not looked at, in either direction."""
    first, last = day("2026-03-02"), day("2026-04-02")
    assert calendar(NOTHING, *closed("2026-03-02", "2026-04-01")).next(first) == last
    assert calendar(NOTHING, *closed("2026-03-03", "2026-04-02")).former(last) == first
    shut = calendar(NOTHING, *closed("2026-03-02", "2026-04-02"))
    for search, start in ((shut.next, first), (shut.former, last)):
        with pytest.raises(NoEligibleDateFound):
            search(start)


def test_R6_every_built_in_zone_keeps_the_closings_of_target() -> None:
    """France, Alsace-Moselle and five overseas."""
    assert len(BUILT_IN) == 7
    assert all(zone.inclure_target and zone.base == code for code, zone in BUILT_IN.items())
