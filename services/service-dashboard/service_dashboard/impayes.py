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
from sqlalchemy import ColumnElement, and_, bindparam, func, select

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
_naming_it = func.coalesce(_named.c.montant, 0)
_rest, _excess = (
    func.greatest(FactureVue.montant - _naming_it, 0),
    func.greatest(_naming_it - FactureVue.montant, 0),
)
_in_order = (FactureVue.date_echeance, FactureVue.emise_le, FactureVue.invoice_id)


def _judged(*columns: str) -> Any:
    """The invoices of the clients, and what is at hand for them; who has one value of *columns* shares it."""
    paid = [PaiementVu.__table__.c[name] for name in columns]
    owed = [FactureVue.__table__.c[name] for name in columns]
    unnamed: Any = (
        select(*paid, func.sum(PaiementVu.montant).label("montant"))
        .where(PaiementVu.facture_id.is_(None), PaiementVu.client_id.in_(_clients), of_societe(PaiementVu))
        .group_by(*paid)
        .subquery()
    )
    at_hand = func.sum(_excess).over(partition_by=owed) + func.coalesce(unnamed.c.montant, 0)
    return (
        select(
            FactureVue.societe_id,
            FactureVue.emise_le,
            FactureVue.date_echeance,
            _rest.label("rest"),
            func.sum(_rest).over(partition_by=owed, order_by=_in_order).label("rest_so_far"),
            at_hand.label("at_hand"),
        )
        .outerjoin_from(FactureVue, _named, _named.c.facture_id == FactureVue.invoice_id)
        .outerjoin(unnamed, and_(*(unnamed.c[column.name] == column for column in owed)))
        .where(FactureVue.client_id.in_(_clients), of_societe())
        .subquery()
    )


def _late(judged: Any) -> ColumnElement[bool]:
    return and_(
        judged.c.date_echeance < bindparam("today", type_=FactureVue.date_echeance.type),
        judged.c.rest > 0,
        judged.c.rest_so_far > judged.c.at_hand,
    )


def _in_both(judged: Any) -> ColumnElement[bool]:
    return and_(judged.c.emise_le >= _before, judged.c.emise_le < bindparam("ends", type_=_instant))


def _counted() -> Any:
    """Late and issued invoices of both periods in one statement, so that they are counts of one instant."""
    judged = _judged("client_id")
    late, current, earlier = _late(judged), judged.c.emise_le >= _begins, judged.c.emise_le < _begins
    return select(
        func.count().filter(current & late),
        func.count().filter(current),
        func.count().filter(earlier & late),
        func.count().filter(earlier),
    ).where(_in_both(judged))


def _counted_by_societe() -> Any:
    judged = _judged("client_id", "societe_id")
    return (
        select(judged.c.societe_id, func.count().filter(_late(judged)), func.count())
        .where(_in_both(judged), judged.c.emise_le >= _begins)
        .group_by(judged.c.societe_id)
    )


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
