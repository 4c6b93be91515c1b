"""Months as pure functions: those of a period, what each should bring (R7), what is foreseen (R12).

A month is its first day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from grpc_utils import rounded

from service_dashboard.periods import Periode, shifted
from service_dashboard.rules import two_decimals

_YEAR = 12  # months before a month that say what it should bring
_GROWTH = Decimal("1.10")
_SEEN, _FORESEEN = 6, 3  # months
_MIDDLE = Fraction(_SEEN - 1, 2)
_SPREAD = sum(((number - _MIDDLE) ** 2 for number in range(_SEEN)), Fraction())


@dataclass(frozen=True, slots=True)
class Ca:
    """Revenue of a month: in all, and on the days of the period."""

    total: Decimal
    realise: Decimal


NOTHING = Ca(Decimal(0), Decimal(0))


def months_of(periode: Periode) -> Sequence[date]:
    """Every month that has a day in *periode*, in order."""
    first = shifted(periode.debut, 0)
    last = (periode.fin.year - first.year) * 12 + periode.fin.month - first.month
    return [shifted(first, by) for by in range(last + 1)]


def days_in(mois: date) -> int:
    """How many days the month of *mois* has."""
    return (shifted(mois, 1) - shifted(mois, 0)).days


def since(periode: Periode) -> date:
    """The first month whose revenue says what a month of *periode* should bring."""
    return shifted(periode.debut, -_YEAR)


def objectif(mois: date, revenue: Mapping[date, Ca], first: date | None) -> Decimal:
    """What *mois* should bring: the mean of the twelve months before it, and a tenth more (R7).

    Months before *first*, the month of the first invoice, do not count; without any month it is 0.
    """
    before = [shifted(mois, -by) for by in range(1, _YEAR + 1)]
    known = [one for one in before if first is not None and one >= first]
    if not known:
        return Decimal(0)
    total = sum((revenue.get(one, NOTHING).total for one in known), Decimal(0))
    return rounded(total * _GROWTH / len(known))


def full_months(today: date) -> Periode:
    """The six whole months before that of *today*, by whose revenue the next three are foreseen (R12)."""
    return Periode(shifted(today, -_SEEN), shifted(today, 0) - timedelta(days=1))


def prevision(seen: Periode, revenue: Mapping[date, Ca], first: date | None) -> float:
    """What the three months after *seen*, the six of `full_months`, and the current one should bring (R12).

    A straight line through the six; with revenue in one of them or none, three times the mean of those
    since *first*, the month of the first invoice.
    """
    months = months_of(seen)
    amounts = [Fraction(revenue.get(one, NOTHING).total) for one in months]
    if sum(amount != 0 for amount in amounts) >= 2:
        return two_decimals(max(_along_the_line(amounts), Fraction()))
    since_first = sum(first is not None and one >= first for one in months)
    return two_decimals(_FORESEEN * sum(amounts, Fraction()) / since_first if since_first else Fraction())


def _along_the_line(amounts: Sequence[Fraction]) -> Fraction:
    """The sum of the next months on the least-squares line through *amounts*."""
    mean = sum(amounts, Fraction()) / _SEEN
    weighted = ((number - _MIDDLE) * amount for number, amount in enumerate(amounts))
    slope = sum(weighted, Fraction()) / _SPREAD
    ahead = (mean + slope * (_MIDDLE + by) for by in range(1, _FORESEEN + 1))
    return sum(ahead, Fraction())
