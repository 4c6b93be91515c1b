"""KpisCommerciauxService: how sales went, who made them, and what is to come (R11, R12, R13)."""

import asyncio
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import KpisCommerciauxServiceServicer
from grpc_utils import Context
from service_kit import App, Settings

from service_dashboard import annuaires, classements, contrats, mois, nouveaux, revenus, rules
from service_dashboard.contrats import Statistiques
from service_dashboard.demandes import Demande, demande
from service_dashboard.nouveaux import Nombres
from service_dashboard.reponses import Reponses
from service_dashboard.revenus import Paniers
from service_dashboard.sources import Sources


class KpisCommerciauxService(KpisCommerciauxServiceServicer):
    """Sales of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._reponses = app.database, app.part(Reponses)

    async def GetKpisCommerciaux(
        self, request: pb.DashboardFilters, context: Context
    ) -> pb.GetKpisCommerciauxResponse:
        """Tell sales of the period, the forecast, and the rankings of apporteurs. Raises like GetKpis."""
        return await self._reponses.answer(demande(request), pb.GetKpisCommerciauxResponse, self._figures)

    async def _figures(self, asked: Demande, sources: Sources) -> Mapping[str, Any]:
        told, names, own, expected = await asyncio.gather(
            contrats.both_periods(sources, asked),
            annuaires.apporteurs(sources),
            self._own(asked),
            self._prevision(asked),
        )
        new, known, paniers = own
        return {
            "nouveaux_clients_mois": new.current,
            "nouveaux_clients_mois_variation": rules.variation(new.current, new.previous),
            **_conversion(told, known, sources),
            "panier_moyen": rules.two_decimals(paniers.current),
            "panier_moyen_variation": rules.variation(paniers.current, paniers.previous),
            "ca_previsionnel_3_mois": expected,
            **await _classements(asked, sources, names, told),
        }

    async def _own(self, asked: Demande) -> tuple[Nombres, Nombres, Paniers]:
        reader = self._db.read()
        return await asyncio.gather(
            nouveaux.nouveaux_clients(reader, asked.periode, asked.societe_id),
            nouveaux.clients_connus(reader, asked.periode, asked.societe_id),
            revenus.paniers(reader, asked.periode, asked.societe_id),
        )

    async def _prevision(self, asked: Demande) -> float:
        """What the next three months should bring (R12)."""
        reader, seen = self._db.read(), mois.full_months(asked.today)
        revenue = await revenus.by_month(reader, seen, seen.debut, asked.societe_id)
        first = await revenus.first_month(reader, asked.societe_id)
        return mois.prevision(seen, revenue, first)


def _conversion(told: Statistiques, known: Nombres, sources: Sources) -> Mapping[str, Any]:
    """Contracts signed per hundred clients (R11); nothing while contrats is silent.

    Yesterday's contracts over today's clients would be the rate of no day.
    """
    silent = contrats.SERVICE in sources.failed
    current = Fraction() if silent else rules.taux(told.current.nouveaux, known.current)
    previous = Fraction() if silent else rules.taux(told.previous.nouveaux, known.previous)
    return {
        "taux_conversion": rules.two_decimals(current),
        "taux_conversion_variation": rules.variation(current, previous),
    }


async def _classements(
    asked: Demande, sources: Sources, names: Mapping[str, str], told: Statistiques
) -> Mapping[str, Any]:
    """The three rankings; clients are counted of those alone who have sold something (R13).

    What a source says nothing of is not ranked: zeros for everybody would be no ranking.
    """
    if not told.is_known:
        return {}
    sold = told.current.par_commercial
    sellers = [one.commercial_id for one in sold if one.commercial_id in names]
    clients = await annuaires.clients_of(sources, asked, sellers)
    of = classements.vendeurs(names, sold, clients or {})
    return {
        "classement_par_ventes": classements.par_ventes(of),
        "classement_par_ca": classements.par_ca(of),
        "classement_par_conversion": [] if clients is None else classements.par_conversion(of),
    }
