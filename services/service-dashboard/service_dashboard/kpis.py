"""DashboardKpisService: the indicators of a period, compared with the period before, and its cash flow."""

from fractions import Fraction

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceServicer
from db_utils import clock
from grpc_utils import Context, opaque_id, timestamp
from service_kit import App, Settings
from sqlalchemy import bindparam, func, select

from service_dashboard import periods, rules
from service_dashboard.impayes import Impayes, taux_impayes
from service_dashboard.models import ClientVu
from service_dashboard.periods import Periode
from service_dashboard.tresorerie import days_of, tresorerie

_begins = bindparam("begins", type_=ClientVu.cree_le.type)
# One statement counts both periods, so that they are counts of the same instant.
_NOUVEAUX_CLIENTS = select(
    func.count().filter(ClientVu.cree_le >= _begins), func.count().filter(ClientVu.cree_le < _begins)
).where(
    ClientVu.cree_le >= bindparam("before"),
    ClientVu.cree_le < bindparam("ends"),
)
_OF_SOCIETE = _NOUVEAUX_CLIENTS.where(ClientVu.societe_id == bindparam("societe_id"))


class DashboardKpisService(DashboardKpisServiceServicer):
    """Indicators of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def GetKpis(self, request: pb.DashboardFilters, context: Context) -> pb.GetKpisResponse:
        """Tell the new clients (R11) and the unpaid invoices (R6) of the period and of the one before.

        Raises ValeurInconnue, DateInvalide, PeriodeInvalide and FormatInvalide for filters (R2).
        """
        periode = periods.asked_for(request, clock.today())
        current, previous = await self._nouveaux_clients(request, periode)
        impayes = await self._impayes(request, periode)
        return pb.GetKpisResponse(
            nouveaux_clients=current,
            nouveaux_clients_variation=rules.variation(current, previous),
            date_debut=periode.debut.isoformat(),
            date_fin=periode.fin.isoformat(),
            calcule_le=timestamp(clock.now()),
            taux_impayes=rules.rounded_percent(impayes.current),
            taux_impayes_variation=rules.variation(impayes.current, impayes.previous),
        )

    async def GetTresorerie(self, request: pb.DashboardFilters, context: Context) -> pb.GetTresorerieResponse:
        """Tell what was received in the period, beside what was due in it (R14). Raises like GetKpis."""
        periode = periods.asked_for(request, clock.today())
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        told = await tresorerie(self._db.read(), periode, societe_id)
        return pb.GetTresorerieResponse(
            encaisse=float(told.encaisse),
            nombre_paiements=told.nombre_paiements,
            attendu=float(told.attendu),
            ecart=float(told.encaisse - told.attendu),
            par_jour=[
                pb.EncaisseDuJour(date=day.isoformat(), encaisse=float(told.par_jour.get(day, 0)))
                for day in days_of(periode)
            ],
            encaisse_variation=rules.variation(Fraction(told.encaisse), Fraction(told.avant)),
            date_debut=periode.debut.isoformat(),
            date_fin=periode.fin.isoformat(),
            calcule_le=timestamp(clock.now()),
        )

    async def _impayes(self, filters: pb.DashboardFilters, periode: Periode) -> Impayes:
        societe_id = opaque_id(filters.societe_id, "societe_id") or ""
        return await taux_impayes(self._db.read(), periode, clock.today(), societe_id)

    async def _nouveaux_clients(self, filters: pb.DashboardFilters, periode: Periode) -> tuple[int, int]:
        """Count the clients created in *periode*, then those of the period before it.

        Raises FormatInvalide when the société of *filters* is no id.
        """
        societe_id = opaque_id(filters.societe_id, "societe_id")
        counted = await self._db.read().one(
            _OF_SOCIETE if societe_id else _NOUVEAUX_CLIENTS,
            before=periode.previous.begins,
            begins=periode.begins,
            ends=periode.ends,
            societe_id=societe_id,
        )
        return counted or (0, 0)
