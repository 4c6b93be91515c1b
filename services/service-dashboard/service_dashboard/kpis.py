"""DashboardKpisService: the indicators of a period, compared with the period before, and its cash flow."""

import asyncio
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceServicer
from grpc_utils import Context
from service_kit import App, Settings

from service_dashboard import contrats, rules
from service_dashboard.demandes import Demande, demande
from service_dashboard.impayes import taux_impayes
from service_dashboard.nouveaux import nouveaux_clients
from service_dashboard.reponses import Reponses
from service_dashboard.sources import Sources
from service_dashboard.tresorerie import days_of, tresorerie


class DashboardKpisService(DashboardKpisServiceServicer):
    """Indicators of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._reponses = app.database, app.part(Reponses)

    async def GetKpis(self, request: pb.DashboardFilters, context: Context) -> pb.GetKpisResponse:
        """Tell contracts (R5), unpaid invoices (R6) and new clients (R11) of the period and the one before.

        Raises ValeurInconnue, DateInvalide, PeriodeInvalide, FormatInvalide and TropLong for filters (R2).
        """
        return await self._reponses.answer(demande(request), pb.GetKpisResponse, self._kpis)

    async def GetTresorerie(self, request: pb.DashboardFilters, context: Context) -> pb.GetTresorerieResponse:
        """Tell what was received in the period, beside what was due in it (R14). Raises like GetKpis."""
        return await self._reponses.answer(demande(request), pb.GetTresorerieResponse, self._tresorerie)

    async def _kpis(self, asked: Demande, sources: Sources) -> Mapping[str, Any]:
        reader, periode, societe_id = self._db.read(), asked.periode, asked.societe_id
        told, unpaid, new = await asyncio.gather(
            contrats.both_periods(sources, asked),
            taux_impayes(reader, periode, asked.today, societe_id),
            nouveaux_clients(reader, periode, societe_id),
        )
        return {
            **contrats.kpis(told),
            "taux_impayes": rules.two_decimals(unpaid.current),
            "taux_impayes_variation": rules.variation(unpaid.current, unpaid.previous),
            "nouveaux_clients": new.current,
            "nouveaux_clients_variation": rules.variation(new.current, new.previous),
        }

    async def _tresorerie(self, asked: Demande, sources: Sources) -> Mapping[str, Any]:
        told = await tresorerie(self._db.read(), asked.periode, asked.societe_id)
        return {
            "encaisse": float(told.encaisse),
            "nombre_paiements": told.nombre_paiements,
            "attendu": float(told.attendu),
            "ecart": float(told.encaisse - told.attendu),
            "par_jour": [
                pb.EncaisseDuJour(date=day.isoformat(), encaisse=float(told.par_jour.get(day, 0)))
                for day in days_of(asked.periode)
            ],
            "encaisse_variation": rules.variation(Fraction(told.encaisse), Fraction(told.avant)),
        }
