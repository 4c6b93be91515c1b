"""Revenue read from the invoices: by month, by société, and its mean (R7, R9, R11, R12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from db_utils import Reader
from db_utils.clock import PARIS, midnight
from sqlalchemy import ColumnElement, Date, bindparam, func, literal_column, select

from service_dashboard.models import FactureVue, of_societe
from service_dashboard.mois import Ca
from service_dashboard.periods import Periode

_instant = FactureVue.emise_le.type
# No bound value: PostgreSQL would take that of GROUP BY for another expression.
_mois: ColumnElement[date] = literal_column(
    "date_trunc('month', emise_le AT TIME ZONE 'Europe/Paris')::date", type_=Date
)
_zero: ColumnElement[Any] = literal_column("0.00", type_=FactureVue.montant.type)
_begins, _ends = bindparam("begins", type_=_instant), bindparam("ends", type_=_instant)
_in_period = FactureVue.emise_le >= _begins
_BY_MONTH: Any = (
    select(
        _mois,
        func.sum(FactureVue.montant),
        func.coalesce(func.sum(FactureVue.montant).filter(_in_period), _zero),
    )
    .where(
        FactureVue.emise_le >= bindparam("since", type_=_instant), FactureVue.emise_le < _ends, of_societe()
    )
    .group_by(_mois)
)
_FIRST = select(func.min(FactureVue.emise_le)).where(of_societe())
_BY_SOCIETE: Any = (
    select(FactureVue.societe_id, func.sum(FactureVue.montant))
    .where(_in_period, FactureVue.emise_le < _ends, of_societe())
    .group_by(FactureVue.societe_id)
)
_earlier = FactureVue.emise_le < _begins
# One statement sums both periods, so that they are sums of the same instant.
_BOTH: Any = select(
    func.coalesce(func.sum(FactureVue.montant).filter(_in_period), _zero),
    func.count().filter(_in_period),
    func.coalesce(func.sum(FactureVue.montant).filter(_earlier), _zero),
    func.count().filter(_earlier),
).where(FactureVue.emise_le >= bindparam("before", type_=_instant), FactureVue.emise_le < _ends, of_societe())


@dataclass(frozen=True, slots=True)
class Paniers:
    """The mean invoice of a period and that of the period before it, exactly; 0 without any."""

    current: Fraction
    previous: Fraction


async def by_month(reader: Reader, periode: Periode, since: date, societe_id: str) -> Mapping[date, Ca]:
    """The revenue of each month with an invoice, from *since* to the end of *periode*."""
    rows = await reader.all(
        _BY_MONTH,
        since=midnight(since),
        begins=periode.begins,
        ends=periode.ends,
        societe_id=societe_id,
    )
    return {month: Ca(total, realise) for month, total, realise in rows}


async def first_month(reader: Reader, societe_id: str) -> date | None:
    """The month of the first invoice, None without any."""
    first = await reader.one(_FIRST, societe_id=societe_id)
    return None if first is None else first.astimezone(PARIS).date().replace(day=1)


async def by_societe(reader: Reader, periode: Periode, societe_id: str) -> Mapping[str, Decimal]:
    """The revenue of *periode* of each société with an invoice in it."""
    rows = await reader.all(_BY_SOCIETE, begins=periode.begins, ends=periode.ends, societe_id=societe_id)
    return dict(rows)


async def paniers(reader: Reader, periode: Periode, societe_id: str) -> Paniers:
    """The mean invoice of *periode* and of the one before it (R11)."""
    counted = await reader.one(
        _BOTH,
        before=periode.previous.begins,
        begins=periode.begins,
        ends=periode.ends,
        societe_id=societe_id,
    )
    total, number, total_before, number_before = counted or (0, 0, 0, 0)
    return Paniers(_mean(total, number), _mean(total_before, number_before))


def _mean(total: Decimal | int, number: int) -> Fraction:
    return Fraction(total) / number if number else Fraction()
