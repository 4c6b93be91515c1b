"""Days that lie whole months apart."""

from datetime import date

import pytest
from db_utils import months_later


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-11-30", 2, "2027-01-30"),
        ("2026-12-05", 0, "2026-12-05"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-01-15", -120, "2016-01-15"),
    ],
)
def test_a_month_without_such_a_day_counts_to_its_last(day: str, months: int, expected: str) -> None:
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(expected)


@pytest.mark.parametrize("months", [12 * 8000, -12 * 8000])
def test_a_year_that_does_not_exist_is_an_error(months: int) -> None:
    """Whoever takes days from callers answers that the day is wrong."""
    with pytest.raises(ValueError, match="year"):
        months_later(date(2026, 1, 1), months)
