"""Revenue month by month as pure functions: months of a period, what each brought and should bring (R7).

A month is its first day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from grpc_utils import rounded

from service_dashboard.periods import Periode, shifted

_YEAR = 12  # months before a month that say what it should bring
_GROWTH = Decimal("1.10")


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
