"""Amounts and rates of the wire become decimals with two places, currencies stay as they are (C4)."""

from decimal import Decimal
from functools import partial

import pytest
from grpc_utils import currency, money, percentage, rounded
from grpc_utils.errors import FormatInvalide, MontantInvalide, PourcentageInvalide

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (1000, "1000.00"),
        (49.9, "49.90"),
        (0.1 + 0.2, "0.30"),
        (1.005, "1.01"),
        (0.004, "0.00"),
        (5e-324, "0.00"),
        (999_999_999_999.99, "999999999999.99"),
    ],
)
def test_C4_an_amount_is_its_shortest_text_rounded_half_up(value: float, amount: str) -> None:
    """To cents, whatever its binary neighbours are."""
    assert str(money(value, "prix")) == amount


@pytest.mark.parametrize(
    "value", [NAN, INFINITY, -INFINITY, 1e12, -1e12, 1e308, -0.01, -0.001, 999_999_999_999.999]
)
def test_C4_an_amount_is_finite_small_and_not_negative(value: float) -> None:
    """The refusal names the field."""
    with pytest.raises(MontantInvalide) as refused:
        money(value, "prix")
    assert refused.value.metadata == {"champ": "prix"}


def test_C4_an_amount_may_be_negative_where_its_field_says_so() -> None:
    """Its half is rounded away from zero; it has the same limit."""
    signed = partial(money, champ="ajustement", signed=True)
    assert [str(signed(value)) for value in (-1.005, -0.0, -0.004)] == ["-1.01", "0.00", "0.00"]
    for value in (NAN, -1e12, -999_999_999_999.999):
        with pytest.raises(MontantInvalide):
            signed(value)


def test_C4_an_amount_is_a_cent_at_least_where_its_field_says_so() -> None:
    """Nothing is refused like less than nothing, and the sentence tells the bounds."""
    positive = partial(money, champ="montant", positive=True)
    assert [str(positive(value)) for value in (0.01, 0.005)] == ["0.01", "0.01"]
    for value in (0, 0.004, -1, NAN, 1e12):
        with pytest.raises(MontantInvalide) as refused:
            positive(value)
        said = "Le montant n'est pas admis (champ : montant ; de 0,01 à 999 999 999 999,99)."
        assert refused.value.message == said


@pytest.mark.parametrize(
    ("value", "rate"), [(0, "0.00"), (-0.0, "0.00"), (5.5, "5.50"), (2.105, "2.11"), (100, "100.00")]
)
def test_C4_a_rate_lies_between_0_and_100(value: float, rate: str) -> None:
    """Both included."""
    assert str(percentage(value, "taux_tva")) == rate


@pytest.mark.parametrize("value", [NAN, INFINITY, -0.001, 100.001])
def test_C4_any_other_rate_is_refused(value: float) -> None:
    """Before it is rounded."""
    with pytest.raises(PourcentageInvalide) as refused:
        percentage(value, "taux_tva")
    assert refused.value.metadata == {"champ": "taux_tva"}


def test_C4_reckoned_amounts_are_rounded_half_up_too() -> None:
    """26.195 is 26.20."""
    assert [str(rounded(Decimal(text))) for text in ("26.195", "43.6625", "-0.001")] == [
        "26.20",
        "43.66",
        "0.00",
    ]


def test_C4_a_currency_is_three_capitals() -> None:
    """EUR where none is named."""
    assert [currency(text, "devise") for text in ("", "EUR", "CHF")] == ["EUR", "EUR", "CHF"]
    for text in ("euro", "eur", "EU", "ÉUR", "EUR\n"):
        with pytest.raises(FormatInvalide) as refused:
            currency(text, "devise")
        assert refused.value.metadata == {"champ": "devise"}
