"""EvolutionCaService: revenue month by month against what each month should bring."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import EvolutionCaServiceServicer
from db_utils import Reader
from grpc_utils import Context
from service_kit import App, Settings

from service_dashboard import mois, objectifs, periods, revenus
from service_dashboard.demandes import Demande, demande
from service_dashboard.periods import Periode
from service_dashboard.reponses import Reponses
from service_dashboard.sources import Sources


@dataclass(frozen=True, slots=True)
class MoisCompte:
    """A month, what it brought on the days of a period, and what it should bring as a whole."""

    mois: date
    realise: Decimal
    objectif: Decimal


class EvolutionCaService(EvolutionCaServiceServicer):
    """Revenue of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._reponses = app.database, app.part(Reponses)

    async def GetEvolutionCa(
        self, request: pb.DashboardFilters, context: Context
    ) -> pb.GetEvolutionCaResponse:
        """Sum the invoices of each month, and tell what it should bring (R7).

        Raises ValeurInconnue, DateInvalide, PeriodeInvalide and FormatInvalide for filters (R2).
        """
        asked = demande(request, periods.asked_for_months)
        return await self._reponses.answer(asked, pb.GetEvolutionCaResponse, self._figures)

    async def _figures(self, asked: Demande, sources: Sources) -> Mapping[str, Any]:
        months = await evolution(self._db.read(), asked.periode, asked.societe_id)
        return {
            "donnees": [
                pb.CaDuMois(
                    mois=f"{one.mois:%Y-%m}", ca_realise=float(one.realise), objectif=float(one.objectif)
                )
                for one in months
            ]
        }


async def evolution(reader: Reader, periode: Periode, societe_id: str) -> Sequence[MoisCompte]:
    """Every month of *periode*, in order (R7)."""
    months = mois.months_of(periode)
    revenue, first, decided = await asyncio.gather(
        revenus.by_month(reader, periode, mois.since(periode), societe_id),
        revenus.first_month(reader, societe_id),
        objectifs.decided(reader, months[0], months[-1], societe_id),
    )
    return [
        MoisCompte(
            one,
            revenue.get(one, mois.NOTHING).realise,
            decided[one] if one in decided else mois.objectif(one, revenue, first),
        )
        for one in months
    ]
