"""Unpaid invoices: how many of those issued in a period are late, whatever has been received (R6).

A receipt that names an invoice covers it; what is left of it and receipts that name none cover the invoices
of the client in the order of their due dates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from db_utils import Reader
from sqlalchemy import String, and_, bindparam, cast, func, literal_column, null, select, true, union_all

from service_dashboard import rules
from service_dashboard.models import FactureVue, PaiementVu, of_societe
from service_dashboard.periods import Periode

_instant = FactureVue.emise_le.type
_begins, _before = bindparam("begins", type_=_instant), bindparam("before", type_=_instant)
_ends = bindparam("ends", type_=_instant)
_overdue = FactureVue.date_echeance < bindparam("today", type_=FactureVue.date_echeance.type)
_issued_in_both = and_(FactureVue.emise_le >= _before, FactureVue.emise_le < _ends, of_societe())

# Receipts are looked up invoice by invoice, and nothing is joined by an estimate of the planner: after a
# reconstruction, before its statistics are new, it would compare every receipt with every invoice.
_named: Any = (
    select(func.coalesce(func.sum(PaiementVu.montant), 0).label("montant"))
    .where(PaiementVu.facture_id == FactureVue.invoice_id)
    .lateral()
)
# Who has no invoice that is overdue and not covered by name is not late, whatever else he has received.
_clients: Any = (
    select(FactureVue.client_id)
    .join_from(FactureVue, _named, true())
    .where(_issued_in_both, _overdue, FactureVue.montant > _named.c.montant)
    .distinct()
    .cte()
)
_of_clients = select(_clients.c.client_id)


def _late(*sharing: str) -> Any:
    """The invoices that are late, of both periods; receipts are for all with the same values of *sharing*.

    Invoices and receipts without one are lines of one list: what is left to pay, in order, is compared
    with all that is at hand.
    """
    owed = (
        select(
            FactureVue.client_id,
            FactureVue.societe_id,
            FactureVue.emise_le,
            FactureVue.date_echeance,
            FactureVue.invoice_id,
            func.greatest(FactureVue.montant - _named.c.montant, 0).label("rest"),
            func.greatest(_named.c.montant - FactureVue.montant, 0).label("at_hand"),
        )
        .join_from(FactureVue, _named, true())
        .where(FactureVue.client_id.in_(_of_clients), of_societe())
    )
    received = select(
        PaiementVu.client_id,
        PaiementVu.societe_id,
        cast(null(), _instant),
        cast(null(), FactureVue.date_echeance.type),
        cast(null(), String),
        literal_column("0", type_=FactureVue.montant.type),
        PaiementVu.montant,
    ).where(PaiementVu.facture_id.is_(None), PaiementVu.client_id.in_(_of_clients), of_societe(PaiementVu))
    line: Any = union_all(owed, received).subquery().c
    shared = [line[name] for name in sharing]
    in_order = (line.date_echeance, line.emise_le, line.invoice_id)
    judged: Any = select(
        line.societe_id,
        line.emise_le,
        line.date_echeance,
        line.rest,
        func.sum(line.rest).over(partition_by=shared, order_by=in_order).label("rest_so_far"),
        func.sum(line.at_hand).over(partition_by=shared).label("at_hand"),
    ).subquery()
    return (
        select(judged.c.societe_id, judged.c.emise_le)
        .where(
            judged.c.emise_le >= _before,
            judged.c.emise_le < _ends,
            judged.c.date_echeance < bindparam("today", type_=FactureVue.date_echeance.type),
            judged.c.rest > 0,
            judged.c.rest_so_far > judged.c.at_hand,
        )
        .subquery()
    )


def _counted() -> Any:
    """Late and issued invoices of both periods in one statement, so that they are counts of one instant."""
    late = _late("client_id")
    counts: Any = select(
        func.count().filter(late.c.emise_le >= _begins).label("current"),
        func.count().filter(late.c.emise_le < _begins).label("previous"),
    ).subquery()
    issued: Any = (
        select(
            func.count().filter(FactureVue.emise_le >= _begins).label("current"),
            func.count().filter(FactureVue.emise_le < _begins).label("previous"),
        )
        .where(_issued_in_both)
        .subquery()
    )
    columns = (counts.c.current, issued.c.current, counts.c.previous, issued.c.previous)
    return select(*columns).join_from(counts, issued, true())


def _counted_by_societe() -> Any:
    """The same of each société with an invoice in both periods together."""
    late = _late("client_id", "societe_id")
    counts: Any = select(late.c.societe_id, func.count().label("late")).group_by(late.c.societe_id).subquery()
    issued: Any = (
        select(FactureVue.societe_id, func.count().label("issued"))
        .where(_issued_in_both)
        .group_by(FactureVue.societe_id)
        .subquery()
    )
    columns = (issued.c.societe_id, func.coalesce(counts.c.late, 0), issued.c.issued)
    return select(*columns).outerjoin_from(issued, counts, counts.c.societe_id == issued.c.societe_id)


_COUNTS, _BY_SOCIETE = _counted(), _counted_by_societe()


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


async def by_societe(
    reader: Reader, periode: Periode, today: date, societe_id: str
) -> Mapping[str, Fraction]:
    """The percentage of each société with an invoice in *periode*, judged as with its filter (R9)."""
    rows = await reader.all(
        _BY_SOCIETE,
        before=periode.begins,
        begins=periode.begins,
        ends=periode.ends,
        today=today,
        societe_id=societe_id,
    )
    return {societe: rules.taux(late, issued) for societe, late, issued in rows}
