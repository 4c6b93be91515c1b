"""Periods: the months by which commissions are counted, YYYY-MM (R4)."""

import re
from datetime import date
from typing import Final

from db_utils import clock
from grpc_utils import required
from grpc_utils.errors import InvalidArgument

_PERIODE: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class PeriodeInvalide(InvalidArgument):
    """La période s'écrit AAAA-MM et n'est pas dans le futur."""


def periode_of(day: date) -> str:
    """The period of *day*."""
    return f"{day.year:04}-{day.month:02}"


def current() -> str:
    """The period of today in Paris."""
    return periode_of(clock.today())


def after(periode: str) -> str:
    """The period that follows *periode*."""
    year, month = int(periode[:4]), int(periode[5:])
    return f"{year + month // 12:04}-{month % 12 + 1:02}"


def read(text: str, champ: str) -> str:
    """The period that *text* names. Raises ChampRequis, PeriodeInvalide."""
    if not _PERIODE.fullmatch(required(text, champ)) or text.startswith("0000"):
        raise PeriodeInvalide(champ=champ)
    return text
