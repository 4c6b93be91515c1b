"""Cash flow: what was received day by day beside what was due (R14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from db_utils import Reader
from sqlalchemy import Date, bindparam, func, literal_column, select

from service_dashboard.models import FactureVue, PaiementVu, of_societe
from service_dashboard.periods import Periode

_NOTHING: Final = Decimal("0.00")
_recu_le, _jour = PaiementVu.recu_le.type, FactureVue.date_echeance.type
# No bound value: PostgreSQL would take that of GROUP BY for another expression.
_day: Any = literal_column("(recu_le AT TIME ZONE 'Europe/Paris')::date", type_=Date)
# The period before is read with it: both are sums of one instant.
_RECEIVED: Any = (
    select(_day, func.sum(PaiementVu.montant), func.count())
    .where(
        PaiementVu.recu_le >= bindparam("before", type_=_recu_le),
        PaiementVu.recu_le < bindparam("ends", type_=_recu_le),
        of_societe(PaiementVu),
    )
    .group_by(_day)
)
_DUE: Any = select(func.sum(FactureVue.montant)).where(
    FactureVue.date_echeance >= bindparam("debut", type_=_jour),
    FactureVue.date_echeance <= bindparam("fin", type_=_jour),
    of_societe(),
)


@dataclass(frozen=True, slots=True)
class Tresorerie:
    """Receipts of a period, of each of its days with any, and of the period before; what was due in it."""

    encaisse: Decimal
    nombre_paiements: int
    par_jour: Mapping[date, Decimal]
    avant: Decimal
    attendu: Decimal


async def tresorerie(reader: Reader, periode: Periode, societe_id: str) -> Tresorerie:
    """The cash flow of *periode* (R14)."""
    rows = await reader.all(
        _RECEIVED, before=periode.previous.begins, ends=periode.ends, societe_id=societe_id
    )
    due = await reader.one(_DUE, debut=periode.debut, fin=periode.fin, societe_id=societe_id)
    current = {day: amount for day, amount, _ in rows if day >= periode.debut}
    return Tresorerie(
        encaisse=sum(current.values(), _NOTHING),
        nombre_paiements=sum(number for day, _, number in rows if day >= periode.debut),
        par_jour=current,
        avant=sum((amount for day, amount, _ in rows if day < periode.debut), _NOTHING),
        attendu=due or _NOTHING,
    )


def days_of(periode: Periode) -> list[date]:
    """Every day of *periode*, in order."""
    return [periode.debut + timedelta(days=day) for day in range((periode.fin - periode.debut).days + 1)]
