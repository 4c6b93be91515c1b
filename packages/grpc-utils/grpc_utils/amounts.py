"""Amounts, rates and currencies of requests in their stored form (C4).

Amounts and rates become decimals: the doubles of the wire are never added or multiplied.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

from grpc_utils.errors import FormatInvalide, MontantInvalide, PourcentageInvalide, within

_CENT = Decimal("0.01")
_CURRENCY = re.compile("[A-Z]{3}")
_TOO_MUCH = 10**12
_MOST = "999 999 999 999,99"


def money(value: float, champ: str, *, signed: bool = False, positive: bool = False) -> Decimal:
    """The amount *value*, rounded to cents; below zero only when *signed*, not zero when *positive*.

    A double stands for its shortest decimal text: 1.005 is 1.01, although it is a little less in binary.
    Raises MontantInvalide.
    """
    if -_TOO_MUCH < value < _TOO_MUCH and (signed or value >= 0):  # NaN is not between them either
        amount = rounded(Decimal(repr(value)))
        if abs(amount) < _TOO_MUCH and (amount or not positive):  # only rounding may have made it so
            return amount
    least = f"-{_MOST}" if signed else "0,01" if positive else "0"
    raise MontantInvalide(within(least, _MOST), champ=champ)


def percentage(value: float, champ: str) -> Decimal:
    """The rate *value* from 0 to 100, rounded to two decimals. Raises PourcentageInvalide."""
    if not 0 <= value <= 100:
        raise PourcentageInvalide(champ=champ)
    return rounded(Decimal(repr(value)))


def rounded(amount: Decimal) -> Decimal:
    """*amount* with two decimals; a half is rounded away from zero, and zero has no sign."""
    return amount.quantize(_CENT, ROUND_HALF_UP) + Decimal(0)


def currency(text: str, champ: str) -> str:
    """The currency *text*, three capitals (ISO 4217); EUR when empty. Raises FormatInvalide."""
    if text and not _CURRENCY.fullmatch(text):
        raise FormatInvalide("trois majuscules, comme EUR", champ=champ)
    return text or "EUR"
