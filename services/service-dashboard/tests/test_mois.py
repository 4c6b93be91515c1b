"""Revenue month by month as pure functions (R7)."""

from datetime import date
from decimal import Decimal

import pytest
from crm.dashboard.dashboard_pb2 import DashboardFilters
from service_dashboard.mois import Ca, months_of, objectif
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
