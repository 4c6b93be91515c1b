"""Periods as pure functions of a request and a day."""

from datetime import date
from typing import Any

import pytest
from crm.dashboard.dashboard_pb2 import DashboardFilters
from grpc_utils.errors import DateInvalide, ValeurInconnue
from service_dashboard.periods import Periode, PeriodeInvalide, asked_for

TODAY = date(2026, 5, 20)


def period(today: date = TODAY, **filters: Any) -> tuple[str, str]:
    """The first and the last day that *filters* mean."""
    found = asked_for(DashboardFilters(**filters), today)
    return found.debut.isoformat(), found.fin.isoformat()


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("mois_courant", ("2026-05-01", "2026-05-20")),
        ("mois_dernier", ("2026-04-01", "2026-04-30")),
        ("trimestre_courant", ("2026-04-01", "2026-05-20")),
        ("annee_courante", ("2026-01-01", "2026-05-20")),
        ("personnalisee", ("2026-05-01", "2026-05-20")),
        ("", ("2026-05-01", "2026-05-20")),
    ],
)
def test_R02_each_quick_period_has_its_days(name: str, days: tuple[str, str]) -> None:
    """Both ends are included; periods that are not over end today."""
    assert period(periode_rapide=name) == days


@pytest.mark.parametrize(
    ("name", "today", "days"),
    [
        ("mois_dernier", date(2026, 1, 31), ("2025-12-01", "2025-12-31")),
        ("mois_dernier", date(2024, 3, 31), ("2024-02-01", "2024-02-29")),
        ("trimestre_courant", date(2026, 12, 31), ("2026-10-01", "2026-12-31")),
        ("trimestre_courant", date(2026, 1, 1), ("2026-01-01", "2026-01-01")),
    ],
)
def test_R02_quick_periods_know_years_quarters_and_leap_days(
    name: str, today: date, days: tuple[str, str]
) -> None:
    """Months, quarters and years end where the calendar says, leap days included."""
    assert period(today, periode_rapide=name) == days


@pytest.mark.parametrize("name", ["", "personnalisee"])
def test_R02_explicit_days_win_over_no_quick_period(name: str) -> None:
    """Explicit days count; one that is missing is that of the current month."""
    asked: dict[str, Any] = {"date_debut": "2026-02-03", "date_fin": "2026-05-10"}
    assert period(periode_rapide=name, **asked) == ("2026-02-03", "2026-05-10")
    assert period(periode_rapide=name, date_debut="2026-02-03") == ("2026-02-03", "2026-05-20")
    assert period(periode_rapide=name, date_fin="2026-05-10") == ("2026-05-01", "2026-05-10")


def test_R02_a_quick_period_wins_over_explicit_days() -> None:
    """Explicit days beside a quick period are ignored, even the wrong way round."""
    asked: dict[str, Any] = {"date_debut": "2026-03-01", "date_fin": "2026-02-01"}
    assert period(periode_rapide="mois_courant", **asked) == ("2026-05-01", "2026-05-20")


def test_R02_an_unknown_quick_period_is_refused() -> None:
    """The list is closed and compared case-sensitively."""
    for name in ("demain", "MOIS_COURANT"):
        with pytest.raises(ValeurInconnue):
            period(periode_rapide=name)


@pytest.mark.parametrize("field", ["date_debut", "date_fin"])
def test_R02_a_day_that_does_not_exist_is_refused(field: str) -> None:
    """A date outside the calendar is refused even where it would be ignored."""
    for name in ("", "mois_courant"):
        with pytest.raises(DateInvalide):
            period(periode_rapide=name, **dict[str, Any]({field: "2026-02-30"}))


@pytest.mark.parametrize(
    ("debut", "fin"),
    [
        ("2026-03-02", "2026-03-01"),
        ("2021-01-01", "2026-01-01"),
        ("2020-02-29", "2025-03-01"),
        ("0001-01-01", "0001-01-02"),
        ("9999-12-30", "9999-12-31"),
    ],
)
def test_R02_a_period_that_makes_no_sense_is_refused(debut: str, fin: str) -> None:
    """Periods are refused backwards, above five years, and outside the years 1900 to 2999."""
    with pytest.raises(PeriodeInvalide):
        period(date_debut=debut, date_fin=fin)


@pytest.mark.parametrize(("debut", "fin"), [("2021-01-01", "2025-12-31"), ("2020-02-29", "2025-02-28")])
def test_R02_five_whole_years_are_accepted(debut: str, fin: str) -> None:
    """The last day of five years is within them."""
    assert period(date_debut=debut, date_fin=fin) == (debut, fin)


def test_R03_the_previous_period_is_as_long_and_ends_the_day_before() -> None:
    """Twenty days of May follow twenty days that end with April."""
    assert Periode(date(2026, 5, 1), date(2026, 5, 20)).previous == Periode(
        date(2026, 4, 11), date(2026, 4, 30)
    )
    assert Periode(TODAY, TODAY).previous == Periode(date(2026, 5, 19), date(2026, 5, 19))
