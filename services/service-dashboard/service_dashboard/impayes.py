"""Unpaid invoices: how many of those issued in a period are late (R6)."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from db_utils import Reader
from sqlalchemy import bindparam, func, select

from service_dashboard import rules
from service_dashboard.models import FactureVue, of_societe
from service_dashboard.periods import Periode

_instant = FactureVue.emise_le.type
_current = FactureVue.emise_le >= bindparam("begins", type_=_instant)
_before = FactureVue.emise_le < bindparam("begins", type_=_instant)
# Receipts are not known yet, so that only an invoice of nothing is paid.
_late = (FactureVue.date_echeance < bindparam("today", type_=FactureVue.date_echeance.type)) & (
    FactureVue.montant > 0
)
# One statement counts both periods, so that they are counts of the same instant.
_COUNTS: Any = select(
    func.count().filter(_current & _late),
    func.count().filter(_current),
    func.count().filter(_before & _late),
    func.count().filter(_before),
).where(
    FactureVue.emise_le >= bindparam("before", type_=_instant),
    FactureVue.emise_le < bindparam("ends", type_=_instant),
    of_societe(),
)


@dataclass(frozen=True, slots=True)
class Impayes:
    """Percentages of late invoices, of a period and of the one before it."""

    current: Fraction
    previous: Fraction


async def taux_impayes(reader: Reader, periode: Periode, today: date, societe_id: str) -> Impayes:
    """Judge the invoices of *periode* and of the one before it on the day *today* (R6)."""
    counted = await reader.one(
        _COUNTS,
        before=periode.previous.begins,
        begins=periode.begins,
        ends=periode.ends,
        today=today,
        societe_id=societe_id,
    )
    late, issued, late_before, issued_before = counted or (0, 0, 0, 0)
    return Impayes(rules.taux(late, issued), rules.taux(late_before, issued_before))
