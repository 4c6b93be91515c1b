"""EvolutionCaService: revenue month by month against what each month should bring."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import EvolutionCaServiceServicer
from db_utils import Reader, clock
from db_utils.clock import PARIS, midnight
from grpc_utils import Context, opaque_id, timestamp
from service_kit import App, Settings
from sqlalchemy import ColumnElement, String, bindparam, func, literal_column, select

from service_dashboard import mois, periods
from service_dashboard.models import FactureVue, of_societe
from service_dashboard.mois import Ca
from service_dashboard.periods import Periode

_instant = FactureVue.emise_le.type
# No bound value: PostgreSQL would take that of GROUP BY for another expression.
_mois: ColumnElement[str] = literal_column(
    "to_char(emise_le AT TIME ZONE 'Europe/Paris', 'YYYY-MM-01')", type_=String
)
_zero: ColumnElement[Any] = literal_column("0.00", type_=FactureVue.montant.type)
_in_period = FactureVue.emise_le >= bindparam("begins", type_=_instant)
_REVENUE: Any = (
    select(
        _mois,
        func.sum(FactureVue.montant),
        func.coalesce(func.sum(FactureVue.montant).filter(_in_period), _zero),
    )
    .where(
        FactureVue.emise_le >= bindparam("since", type_=_instant),
        FactureVue.emise_le < bindparam("ends", type_=_instant),
        of_societe(),
    )
    .group_by(_mois)
)
_FIRST = select(func.min(FactureVue.emise_le)).where(of_societe())


class EvolutionCaService(EvolutionCaServiceServicer):
    """Revenue of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def GetEvolutionCa(
        self, request: pb.DashboardFilters, context: Context
    ) -> pb.GetEvolutionCaResponse:
        """Sum the invoices of each month, and tell what it should bring (R7).

        Raises ValeurInconnue, DateInvalide, PeriodeInvalide and FormatInvalide for filters (R2).
        """
        periode = periods.asked_for_months(request, clock.today())
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        reader = self._db.read()
        revenue = await _revenue(reader, periode, societe_id)
        first = await _first_month(reader, societe_id)
        return pb.GetEvolutionCaResponse(
            donnees=[_told(one, revenue, first) for one in mois.months_of(periode)],
            date_debut=periode.debut.isoformat(),
            date_fin=periode.fin.isoformat(),
            calcule_le=timestamp(clock.now()),
        )


async def _revenue(reader: Reader, periode: Periode, societe_id: str) -> Mapping[date, Ca]:
    """The revenue of each month with an invoice, from a year before the period on."""
    rows = await reader.all(
        _REVENUE,
        since=midnight(mois.since(periode)),
        begins=periode.begins,
        ends=periode.ends,
        societe_id=societe_id,
    )
    return {date.fromisoformat(month): Ca(total, realise) for month, total, realise in rows}


async def _first_month(reader: Reader, societe_id: str) -> date | None:
    first = await reader.one(_FIRST, societe_id=societe_id)
    return None if first is None else first.astimezone(PARIS).date().replace(day=1)


def _told(one: date, revenue: Mapping[date, Ca], first: date | None) -> pb.CaDuMois:
    return pb.CaDuMois(
        mois=f"{one:%Y-%m}",
        ca_realise=float(revenue.get(one, mois.NOTHING).realise),
        objectif=float(mois.objectif(one, revenue, first)),
    )
