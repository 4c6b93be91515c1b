"""Figures, days and signs as French sets them: no line ends where a space belongs to its sign."""

import re
from datetime import date
from decimal import Decimal
from typing import Final

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_BEFORE: Final = re.compile(r" (?=»|[:;!?%€](?!\w))")
_AFTER: Final = re.compile(r"(?<=«) |(?<=[Nn]°) ")


def figure(value: Decimal, decimals: int) -> str:
    """*value* with at least *decimals* decimals, and more where it has more: 1 234,50."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a number"
    return f"{value:,.{max(decimals, -exponent)}f}".replace(",", NO_BREAK).replace(".", ",")


def amount(value: Decimal, devise: str = "EUR") -> str:
    """An amount of money: 1 598,80 €."""
    return f"{figure(value, 2)}{NO_BREAK}{'€' if devise in ('', 'EUR') else devise}"


def percent(value: Decimal) -> str:
    """A rate: 5,5 %."""
    return f"{figure(value, 0)}{NO_BREAK}%"


def day(value: date) -> str:
    """A day: 05/03/2026."""
    return f"{value:%d/%m/%Y}"


def typeset(text: str) -> str:
    """*text* with no-break spaces before high signs and units, and inside quotes."""
    return _BEFORE.sub(NO_BREAK, _AFTER.sub(NO_BREAK, text))
