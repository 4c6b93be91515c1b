"""Amounts and days as sentences for people write them, in French (C3, C4)."""

from datetime import datetime
from decimal import Decimal

from db_utils.clock import PARIS

_NARROW_SPACE, _NO_BREAK_SPACE = "\u202f", "\u00a0"


def written_amount(euros: Decimal) -> str:
    """*euros* as in 1 234,50 €, with spaces at which no line breaks."""
    digits = f"{euros:,.2f}".replace(",", _NARROW_SPACE).replace(".", ",")
    return f"{digits}{_NO_BREAK_SPACE}€"


def written_day(instant: datetime) -> str:
    """The day of *instant* in Paris, as in 12/01/2026."""
    in_paris = instant.astimezone(PARIS)
    return f"{in_paris:%d/%m}/{in_paris.year:04}"
