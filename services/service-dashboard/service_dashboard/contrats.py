"""Figures of contracts: what contrats tells of a period and of the one before it (R5)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any

from crm.contrats.contrats_pb2 import GetStatistiquesContratRequest, StatistiquesContrat, StatistiquesSociete
from crm.contrats.contrats_pb2_grpc import StatistiquesContratServiceStub
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc_utils import Peers

from service_dashboard import rules
from service_dashboard.demandes import Demande
from service_dashboard.periods import Periode
from service_dashboard.sources import Source, Sources

SERVICE = "contrats"


@dataclass(frozen=True, slots=True)
class Statistiques:
    """The figures of a period and those of the period before it; without an answer all are 0.

    *is_known* says whether there is an answer about the period itself, be it the last one of yesterday.
    """

    current: StatistiquesContrat
    previous: StatistiquesContrat
    is_known: bool


async def both_periods(sources: Sources, asked: Demande) -> Statistiques:
    """Ask contrats for both periods at once."""
    current, previous = await asyncio.gather(
        statistiques(sources, asked, asked.periode), statistiques(sources, asked, asked.periode.previous)
    )
    nothing = StatistiquesContrat()
    return Statistiques(current or nothing, previous or nothing, current is not None)


async def statistiques(sources: Sources, asked: Demande, periode: Periode) -> StatistiquesContrat | None:
    """The figures of *periode* for what is *asked*, None without an answer."""
    request = GetStatistiquesContratRequest(
        societe_id=asked.societe_id,
        date_debut=periode.debut.isoformat(),
        date_fin=periode.fin.isoformat(),
    )
    key = f"{SERVICE}:{days(periode, asked.today)}:{asked.societe_id}"
    ask = partial(_ask, sources.peers, request)
    return await sources.answer(Source(SERVICE, key, ask, MessageToDict, _restored))


async def of_period(sources: Sources, asked: Demande) -> StatistiquesContrat:
    """The figures of the period that is *asked*, all 0 without an answer."""
    return await statistiques(sources, asked, asked.periode) or StatistiquesContrat()


def days(periode: Periode, today: date) -> str:
    """The days of *periode* as a part of a key; "until today" is the same question on the next day."""
    return f"{periode.debut}:{'' if periode.fin == today else periode.fin}"


def kpis(told: Statistiques) -> Mapping[str, Any]:
    """The fields of GetKpis that contrats tells (R5)."""
    current, previous = told.current, told.previous
    return {
        "contrats_actifs": current.actifs_fin,
        "contrats_actifs_variation": rules.variation(current.actifs_fin, previous.actifs_fin),
        "mrr": current.mrr,
        "mrr_variation": rules.variation(rules.exact(current.mrr), rules.exact(previous.mrr)),
        "taux_churn": rules.two_decimals(churn(current)),
        "taux_churn_variation": rules.variation(churn(current), churn(previous)),
    }


def churn(told: StatistiquesContrat | StatistiquesSociete) -> Fraction:
    """Terminated contracts among those active at the beginning, in percent; 0 of none (R5)."""
    return rules.taux(told.resilies, told.actifs_debut)


async def _ask(peers: Peers, request: GetStatistiquesContratRequest) -> StatistiquesContrat:
    return await peers.stub(StatistiquesContratServiceStub).Get(request)


def _restored(stored: dict[str, Any]) -> StatistiquesContrat:
    return ParseDict(stored, StatistiquesContrat(), ignore_unknown_fields=True)
