"""What stands beside figures, and how long those of ended periods are remembered (R16, R19)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import (
    AlertesServiceStub,
    DashboardKpisServiceStub,
    EvolutionCaServiceStub,
    KpisCommerciauxServiceStub,
    RepartitionProduitsServiceStub,
    StatsSocietesServiceStub,
)
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import refused
from tests.clients_vus import seen
from tests.factures_vues import announced, issued
from tests.marche import MARCH, NOW, Ventes
from tests.objectifs_decides import decide
from tests.paiements_vus import announced as received

READING = [
    (DashboardKpisServiceStub, "GetKpis"),
    (DashboardKpisServiceStub, "GetTresorerie"),
    (EvolutionCaServiceStub, "GetEvolutionCa"),
    (RepartitionProduitsServiceStub, "GetRepartitionProduits"),
    (StatsSocietesServiceStub, "GetStatsSocietes"),
    (AlertesServiceStub, "GetAlertes"),
    (KpisCommerciauxServiceStub, "GetKpisCommerciaux"),
]
every_figure = pytest.mark.parametrize(("kind", "method"), READING, ids=[method for _, method in READING])
MARCH_10 = datetime(2026, 3, 10, 10, tzinfo=UTC)


@every_figure
async def test_R19_a_channel_limits_nothing_and_is_told(ventes: Ventes, kind: Any, method: str) -> None:
    """Everything else is as without it; a product limits the split alone."""
    answer = await ventes.ask(kind, method, canal="web", produit_id="prod-456")
    plain = await ventes.ask(kind, method)
    ignored = ["canal"] if method == "GetRepartitionProduits" else ["canal", "produit_id"]
    assert (answer.donnees_partielles, list(answer.sources_indisponibles)) == (True, ignored)
    del answer.sources_indisponibles[:]
    answer.donnees_partielles = False
    assert answer == plain


@every_figure
async def test_R01_R02_every_figure_tells_its_days_and_its_time(
    ventes: Ventes, kind: Any, method: str
) -> None:
    """Those of nobody too."""
    answer = await Ventes(ventes.mesh, "").ask(kind, method, date_debut="2026-04-01")
    assert (answer.date_debut, answer.date_fin) == ("2026-04-01", "2026-04-20")
    assert (answer.calcule_le, answer.donnees_partielles) == (timestamp(NOW), False)


@every_figure
@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"periode_rapide": "demain"}, "VALEUR_INCONNUE"),
        ({"date_debut": "2026-02-30"}, "DATE_INVALIDE"),
        ({"date_debut": "2026-04-02", "date_fin": "2026-04-01"}, "PERIODE_INVALIDE"),
        ({"produit_id": "prod 1"}, "FORMAT_INVALIDE"),
        ({"canal": "x" * 65}, "TROP_LONG"),
    ],
)
async def test_R02_R19_filters_that_make_no_sense_are_refused_everywhere(
    ventes: Ventes, kind: Any, method: str, filters: dict[str, Any], reason: str
) -> None:
    """Each with its reason."""
    assert await refused(ventes.ask(kind, method, **filters)) == (StatusCode.INVALID_ARGUMENT, reason)


@every_figure
async def test_R16_figures_of_an_ended_period_are_those_of_a_minute_ago_at_most(
    ventes: Ventes, kind: Any, method: str
) -> None:
    """Alerts are about the current month, and never remembered."""
    instants = [NOW + timedelta(seconds=after) for after in (0, 59, 61)]
    told = [(await ventes.ask(kind, method, now=one, **MARCH)).calcule_le for one in instants]
    expected = [0, 1, 2] if method == "GetAlertes" else [0, 0, 2]
    assert told == [timestamp(instants[number]) for number in expected]


async def test_R16_figures_of_today_are_never_remembered(ventes: Ventes) -> None:
    """Nor are those of one filter taken for those of another."""
    mesh, org = ventes.mesh, ventes.org
    await seen(mesh, org, NOW, MARCH_10)
    await seen(mesh, org, MARCH_10, societe_id="soc-1")
    before = await _kpis(ventes, date_debut="2026-03-01")
    await seen(mesh, org, NOW)
    after = await _kpis(ventes, date_debut="2026-03-01")
    of_societe = [await _kpis(ventes, societe_id=one, **MARCH) for one in ("", "soc-1")]
    assert (before, after, of_societe) == (3, 4, [2, 1])


@pytest.mark.parametrize(
    ("kind", "event"),
    [(EvolutionCaServiceStub, announced), (DashboardKpisServiceStub, received)],
    ids=("invoice", "receipt"),
)
async def test_R16_an_event_of_the_organisation_makes_figures_new(
    ventes: Ventes, kind: Any, event: Any
) -> None:
    """One of another organisation leaves them remembered."""
    method = "GetEvolutionCa" if kind is EvolutionCaServiceStub else "GetTresorerie"
    told = []
    for after, owner in enumerate((ventes.org, f"{ventes.org}-autre", ventes.org)):
        answer = await ventes.ask(kind, method, now=NOW + timedelta(seconds=after), **MARCH)
        told.append(answer.calcule_le)
        await ventes.mesh.deliver(event(organisation_id=owner))
    last = await ventes.ask(kind, method, now=NOW + timedelta(seconds=9), **MARCH)
    instants = [timestamp(NOW + timedelta(seconds=after)) for after in (0, 1, 1, 9)]
    assert [*told, last.calcule_le] == instants


async def test_R16_R17_a_decision_makes_figures_new(ventes: Ventes) -> None:
    """Whoever decides sees it at once."""
    ask = (EvolutionCaServiceStub, "GetEvolutionCa")
    await issued(ventes.mesh, ventes.org, MARCH_10)
    before = await ventes.ask(*ask, **MARCH)
    await decide(ventes, "2026-03", 5000)
    after = await ventes.ask(*ask, **MARCH)
    assert ([one.objectif for one in (*before.donnees, *after.donnees)]) == [0, 5000]


async def test_R16_R24_figures_that_lack_a_source_are_not_remembered(ventes: Ventes) -> None:
    """When the source is back, the next answer has them."""
    ask = (StatsSocietesServiceStub, "GetStatsSocietes")
    async with ventes.mesh.without("organisations"):
        partial = await ventes.ask(*ask, **MARCH)
    await ventes.back("organisations")
    assert (partial.donnees_partielles, (await ventes.ask(*ask, **MARCH)).donnees_partielles) == (True, False)


async def _kpis(ventes: Ventes, **filters: Any) -> int:
    answer: pb.GetKpisResponse = await ventes.ask(DashboardKpisServiceStub, "GetKpis", **filters)
    return answer.nouveaux_clients
