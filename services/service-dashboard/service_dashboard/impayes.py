"""Unpaid invoices: how many of those issued in a period are late, whatever has been received (R6).

A receipt that names an invoice covers it; what is left of it and receipts that name none cover the invoices
of the client in the order of their due dates.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from db_utils import Reader
from sqlalchemy import bindparam, func, select

from service_dashboard import rules
from service_dashboard.models import FactureVue, PaiementVu, of_societe
from service_dashboard.periods import Periode

_instant = FactureVue.emise_le.type
_begins, _before = bindparam("begins", type_=_instant), bindparam("before", type_=_instant)
_issued_in_both = (FactureVue.emise_le >= _before) & (FactureVue.emise_le < bindparam("ends", type_=_instant))
# Older invoices of the same clients count, too: a receipt that names none covers them first.
_clients = select(FactureVue.client_id).where(_issued_in_both, of_societe())
_named: Any = (
    select(PaiementVu.facture_id, func.sum(PaiementVu.montant).label("montant"))
    .where(PaiementVu.facture_id.is_not(None))
    .group_by(PaiementVu.facture_id)
    .subquery()
)
_unnamed: Any = (
    select(PaiementVu.client_id, func.sum(PaiementVu.montant).label("montant"))
    .where(PaiementVu.facture_id.is_(None), PaiementVu.client_id.in_(_clients), of_societe(PaiementVu))
    .group_by(PaiementVu.client_id)
    .subquery()
)
_naming_it = func.coalesce(_named.c.montant, 0)
_rest, _excess = (
    func.greatest(FactureVue.montant - _naming_it, 0),
    func.greatest(_naming_it - FactureVue.montant, 0),
)
_of_client: Any = {"partition_by": FactureVue.client_id}
_in_order = (FactureVue.date_echeance, FactureVue.emise_le, FactureVue.invoice_id)
_judged: Any = (
    select(
        FactureVue.emise_le,
        FactureVue.date_echeance,
        _rest.label("rest"),
        func.sum(_rest).over(**_of_client, order_by=_in_order).label("rest_so_far"),
        (func.sum(_excess).over(**_of_client) + func.coalesce(_unnamed.c.montant, 0)).label("at_hand"),
    )
    .outerjoin_from(FactureVue, _named, _named.c.facture_id == FactureVue.invoice_id)
    .outerjoin(_unnamed, _unnamed.c.client_id == FactureVue.client_id)
    .where(FactureVue.client_id.in_(_clients), of_societe())
    .subquery()
)
_late = (
    (_judged.c.date_echeance < bindparam("today", type_=FactureVue.date_echeance.type))
    & (_judged.c.rest > 0)
    & (_judged.c.rest_so_far > _judged.c.at_hand)
)
_current, _earlier = _judged.c.emise_le >= _begins, _judged.c.emise_le < _begins
# One statement counts both periods, so that they are counts of the same instant.
_COUNTS: Any = select(
    func.count().filter(_current & _late),
    func.count().filter(_current),
    func.count().filter(_earlier & _late),
    func.count().filter(_earlier),
).where(_judged.c.emise_le >= _before, _judged.c.emise_le < bindparam("ends", type_=_instant))


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
