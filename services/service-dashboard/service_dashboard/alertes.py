"""AlertesService: what is not well in the current month (R10); the levels are in `alertes_rules.py`."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crm.contrats.contrats_pb2 import StatistiquesContrat
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import AlertesServiceServicer
from grpc_utils import Context
from service_kit import App, Settings

from service_dashboard import annuaires, contrats, impayes, periods
from service_dashboard.alertes_rules import (
    NIVEAUX,
    OBJECTIF_CA,
    ORGANISATION,
    SOCIETE,
    TAUX_CHURN,
    TAUX_IMPAYES,
    Constat,
    Entite,
    alertes,
    attained,
)
from service_dashboard.demandes import Demande, demande
from service_dashboard.evolution import MoisCompte, evolution
from service_dashboard.reponses import Reponses
from service_dashboard.societes import of_societes
from service_dashboard.sources import Sources


@dataclass(frozen=True, slots=True)
class _Mois:
    """The figures of the current month until today."""

    noms: Mapping[str, str]
    contrats: StatistiquesContrat
    impayes: Fraction
    impayes_par_societe: Mapping[str, Fraction]
    ca: MoisCompte


class AlertesService(AlertesServiceServicer):
    """Alerts of the caller's organisation and of its sociétés."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._reponses = app.database, app.part(Reponses)

    async def GetAlertes(self, request: pb.DashboardFilters, context: Context) -> pb.GetAlertesResponse:
        """Tell what is not well in the current month, the worst first (R10). Raises like GetKpis."""
        asked = demande(request)
        this_month = replace(asked, periode=periods.mois_courant(asked.today))
        return await self._reponses.answer(this_month, pb.GetAlertesResponse, self._figures)

    async def _figures(self, asked: Demande, sources: Sources) -> Mapping[str, Any]:
        month = await self._month(asked, sources)
        found = alertes(asked.organisation_id, list(_constats(asked, month)), asked.today)
        critiques, avertissements, infos = (sum(one.niveau == level for one in found) for level in NIVEAUX)
        return {
            "alertes": found,
            "total": len(found),
            "nombre_critiques": critiques,
            "nombre_avertissements": avertissements,
            "nombre_infos": infos,
        }

    async def _month(self, asked: Demande, sources: Sources) -> _Mois:
        reader, periode, societe_id = self._db.read(), asked.periode, asked.societe_id
        names, told, unpaid, by_societe, months = await asyncio.gather(
            annuaires.societes(sources),
            contrats.of_period(sources, asked),
            impayes.taux_impayes(reader, periode, asked.today, societe_id),
            impayes.by_societe(reader, periode, asked.today, societe_id),
            evolution(reader, periode, societe_id),
        )
        return _Mois(names, told, unpaid.current, by_societe, months[0])


def _constats(asked: Demande, month: _Mois) -> Iterator[Constat]:
    """The figures that may alarm: those of the organisation, or of the société asked for, then of each."""
    whole = (
        _societe(asked.societe_id, month) if asked.societe_id else Entite(ORGANISATION, asked.organisation_id)
    )
    yield Constat(TAUX_IMPAYES, whole, month.impayes)
    yield Constat(TAUX_CHURN, whole, contrats.churn(month.contrats))
    share = attained(month.ca.realise, month.ca.objectif, asked.today)
    if share is not None:
        yield Constat(OBJECTIF_CA, whole, share)
    if not asked.societe_id:
        yield from _of_each_societe(month)


def _of_each_societe(month: _Mois) -> Iterator[Constat]:
    """The rates of each société with invoices or contracts; what belongs to none is the organisation's."""
    for societe_id, taux in month.impayes_par_societe.items():
        if societe_id:
            yield Constat(TAUX_IMPAYES, _societe(societe_id, month), taux)
    for societe_id, told in of_societes(month.contrats).items():
        if societe_id:
            yield Constat(TAUX_CHURN, _societe(societe_id, month), contrats.churn(told))


def _societe(societe_id: str, month: _Mois) -> Entite:
    return Entite(SOCIETE, societe_id, month.noms.get(societe_id) or f"Société {societe_id}")
