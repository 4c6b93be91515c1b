"""Amounts and days in sentences for people."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from grpc_utils import written_amount, written_day


@pytest.mark.parametrize(
    ("euros", "text"),
    [
        ("598.80", "598,80\u00a0€"),
        ("0", "0,00\u00a0€"),
        ("1000", "1\u202f000,00\u00a0€"),
        ("1234567.01", "1\u202f234\u202f567,01\u00a0€"),
    ],
)
def test_C4_amounts_are_written_as_people_write_them(euros: str, text: str) -> None:
    """No line breaks within one."""
    assert written_amount(Decimal(euros)) == text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 1, 12, 12, tzinfo=UTC), "12/01/2026"),
        (datetime(2026, 6, 30, 22, tzinfo=UTC), "01/07/2026"),
        (datetime(2026, 6, 30, 21, 59, tzinfo=UTC), "30/06/2026"),
    ],
)
def test_C3_days_are_written_as_they_are_in_paris(instant: datetime, text: str) -> None:
    """Noon UTC stands for a day, any other instant for its day in Paris."""
    assert written_day(instant) == text
