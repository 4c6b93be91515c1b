"""StatsSocietesService: the figures of each société of an organisation (R9)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from crm.contrats.contrats_pb2 import StatistiquesContrat, StatistiquesSociete
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import StatsSocietesServiceServicer
from grpc_utils import Context
from service_kit import App, Settings

from service_dashboard import annuaires, contrats, impayes, nouveaux, revenus, rules
from service_dashboard.demandes import Demande, demande
from service_dashboard.nouveaux import Nombres
from service_dashboard.reponses import Reponses
from service_dashboard.sources import Sources

_MONTHS = 12  # of a year, by which mrr becomes arr


@dataclass(frozen=True, slots=True)
class Chiffres:
    """The figures of all sociétés, each by the id of the société."""

    contrats: Mapping[str, StatistiquesSociete]
    ca: Mapping[str, Decimal]
    impayes: Mapping[str, Fraction]
    nouveaux: Mapping[str, Nombres]


class StatsSocietesService(StatsSocietesServiceServicer):
    """Sociétés of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._reponses = app.database, app.part(Reponses)

    async def GetStatsSocietes(
        self, request: pb.DashboardFilters, context: Context
    ) -> pb.GetStatsSocietesResponse:
        """Tell the figures of every société, those without anything too (R9). Raises like GetKpis."""
        return await self._reponses.answer(demande(request), pb.GetStatsSocietesResponse, self._figures)

    async def _figures(self, asked: Demande, sources: Sources) -> Mapping[str, Any]:
        reader, periode, societe_id = self._db.read(), asked.periode, asked.societe_id
        names, told, ca, unpaid, new = await asyncio.gather(
            annuaires.societes(sources),
            contrats.of_period(sources, asked),
            revenus.by_societe(reader, periode, societe_id),
            impayes.by_societe(reader, periode, asked.today, societe_id),
            nouveaux.by_societe(reader, periode, societe_id),
        )
        figures = Chiffres(of_societes(told), ca, unpaid, new)
        wanted = [one for one in names.items() if societe_id in ("", one[0])]
        ordered = sorted(wanted, key=lambda one: (one[1], one[0]))
        societes = [_message(one, name, figures) for one, name in ordered]
        return {"societes": societes, "total": len(societes)}


def of_societes(told: StatistiquesContrat) -> Mapping[str, StatistiquesSociete]:
    """The figures of contracts by the id of the société."""
    return {one.societe_id: one for one in told.par_societe}


def _message(societe_id: str, name: str, figures: Chiffres) -> pb.StatsSociete:
    told = figures.contrats.get(societe_id, StatistiquesSociete())
    new = figures.nouveaux.get(societe_id, Nombres())
    return pb.StatsSociete(
        societe_id=societe_id,
        nom_societe=name,
        contrats_actifs=told.actifs_fin,
        mrr=told.mrr,
        arr=rules.two_decimals(rules.exact(told.mrr) * _MONTHS),
        ca=float(figures.ca.get(societe_id, 0)),
        taux_churn=rules.two_decimals(contrats.churn(told)),
        taux_impayes=rules.two_decimals(figures.impayes.get(societe_id, Fraction())),
        nouveaux_clients=new.current,
        nouveaux_clients_variation=rules.variation(new.current, new.previous),
    )
