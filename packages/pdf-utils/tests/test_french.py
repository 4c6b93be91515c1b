"""Figures, rates and days as French sets them."""

from datetime import date
from decimal import Decimal

import pytest
from pdf_utils import amount, day, figure, percent, typeset


@pytest.mark.parametrize(
    ("set_as", "expected"),
    [
        (amount(Decimal("1598.8")), "1\u00a0598,80\u00a0€"),
        (amount(Decimal("1234567.5"), "CHF"), "1\u00a0234\u00a0567,50\u00a0CHF"),
        (amount(Decimal("0.00")), "0,00\u00a0€"),
        (figure(Decimal("12.5000"), 2), "12,50"),
        (figure(Decimal("0.0075"), 2), "0,0075"),
        (figure(Decimal("1E+3"), 0), "1\u00a0000"),
        (percent(Decimal("20.00")), "20\u00a0%"),
        (percent(Decimal("5.50")), "5,5\u00a0%"),
        (typeset("Motif : « n° 1 » !"), "Motif\u00a0: «\u00a0n°\u00a01\u00a0»\u00a0!"),
        (typeset("à 5 % de 3 € : a :b"), "à 5\u00a0% de 3\u00a0€\u00a0: a :b"),
        (day(date(2026, 3, 5)), "05/03/2026"),
    ],
)
def test_a_figure_is_set_as_french_sets_it(set_as: str, expected: str) -> None:
    """A comma for the decimals, no-break spaces between thousands and before the unit."""
    assert set_as == expected
