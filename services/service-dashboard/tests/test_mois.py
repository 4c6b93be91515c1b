"""Revenue month by month as pure functions (R7, R12)."""

from datetime import date
from decimal import Decimal

import pytest
from crm.dashboard.dashboard_pb2 import DashboardFilters
from service_dashboard.mois import Ca, full_months, months_of, objectif, prevision
from service_dashboard.periods import Periode, asked_for_months, shifted

JANUARY = date(2026, 1, 1)


def revenue(*amounts: int, of: date = JANUARY) -> dict[date, Ca]:
    """Revenue of the months before *of*, the last one last."""
    return {
        shifted(of, number - len(amounts)): Ca(Decimal(amount), Decimal(0))
        for number, amount in enumerate(amounts)
    }


@pytest.mark.parametrize(
    ("day", "by", "month"),
    [
        (date(2026, 3, 31), 0, date(2026, 3, 1)),
        (date(2026, 3, 31), -1, date(2026, 2, 1)),
        (date(2026, 1, 15), -1, date(2025, 12, 1)),
        (date(2026, 12, 1), -12, date(2025, 12, 1)),
        (date(2025, 12, 31), 1, date(2026, 1, 1)),
    ],
)
def test_R07_a_month_is_its_first_day(day: date, by: int, month: date) -> None:
    """Whatever day one starts from."""
    assert shifted(day, by) == month


@pytest.mark.parametrize(
    ("today", "filters", "debut", "fin"),
    [
        (date(2026, 4, 20), {}, date(2025, 5, 1), date(2026, 4, 20)),
        (date(2026, 12, 31), {}, date(2026, 1, 1), date(2026, 12, 31)),
        (date(2024, 2, 29), {}, date(2023, 3, 1), date(2024, 2, 29)),
        (date(2026, 4, 20), {"periode_rapide": "mois_courant"}, date(2025, 5, 1), date(2026, 4, 20)),
        (date(2026, 4, 20), {"date_debut": "2026-03-10"}, date(2026, 3, 10), date(2026, 4, 20)),
        (date(2026, 4, 20), {"date_fin": "2025-12-31"}, date(2025, 1, 1), date(2025, 12, 31)),
        (
            date(2026, 4, 20),
            {"date_debut": "2026-01-15", "date_fin": "2026-02-10"},
            date(2026, 1, 15),
            date(2026, 2, 10),
        ),
    ],
)
def test_R07_twelve_months_are_meant_unless_days_are_named(
    today: date, filters: dict[str, str], debut: date, fin: date
) -> None:
    """Quick periods have no say."""
    assert asked_for_months(DashboardFilters(**filters), today) == Periode(debut, fin)


def test_R07_every_month_with_a_day_in_the_period_is_listed() -> None:
    """In order, across the end of a year."""
    assert months_of(Periode(date(2025, 11, 30), date(2026, 2, 1))) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]


@pytest.mark.parametrize(
    ("before", "first", "expected"),
    [
        ((), None, "0"),
        ((1000,), date(2025, 12, 1), "1100.00"),
        ((1000, 0, 500), date(2025, 10, 1), "550.00"),
        ((120,), date(2024, 1, 1), "11.00"),
        ((100, 100, 100), JANUARY, "0"),
        ((999, *[100] * 12), date(2024, 1, 1), "110.00"),
        ((10, 0, 0), date(2025, 10, 1), "3.67"),
    ],
)
def test_R07_a_month_should_bring_a_tenth_more_than_the_mean_of_the_year_before(
    before: tuple[int, ...], first: date | None, expected: str
) -> None:
    """Months without an invoice count 0 from the first invoice on, the thirteenth month before not at all."""
    assert str(objectif(JANUARY, revenue(*before), first)) == expected


def test_R12_the_six_months_before_that_of_today_are_seen() -> None:
    """Whole ones, across the end of a year."""
    assert full_months(date(2026, 2, 28)) == Periode(date(2025, 8, 1), date(2026, 1, 31))


@pytest.mark.parametrize(
    ("before", "first", "expected"),
    [
        ((10, 20, 30, 40, 50, 60), date(2020, 1, 1), 240.0),
        ((60, 50, 40, 30, 20, 10), date(2020, 1, 1), 0.0),
        ((100, 100, 100, 100, 100, 100), date(2020, 1, 1), 300.0),
        ((10, 20), date(2025, 11, 1), 65.14),
        ((90, 0, 0), date(2025, 10, 1), 90.0),
        ((100, 0, 0), date(2020, 1, 1), 50.0),
        ((90,), date(2025, 12, 1), 270.0),
        ((100, 0, 0, 0, 0, 0, 0), date(2025, 6, 1), 0.0),
        ((), JANUARY, 0.0),
        ((), None, 0.0),
    ],
)
def test_R12_three_months_are_foreseen_along_a_line_through_six(
    before: tuple[int, ...], first: date | None, expected: float
) -> None:
    """Never below 0; with revenue in one month alone, three times the mean since the first invoice."""
    assert prevision(full_months(date(2026, 1, 15)), revenue(*before), first) == expected
