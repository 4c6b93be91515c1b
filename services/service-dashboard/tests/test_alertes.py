"""AlertesService over invoices, objectives and a real contrats (R10)."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from crm.dashboard.dashboard_pb2_grpc import AlertesServiceStub
from tests.clients_vus import seen
from tests.factures_vues import issued
from tests.marche import NOW, Ventes
from tests.objectifs_decides import decide

APRIL_2 = datetime(2026, 4, 2, 10, tzinfo=UTC)
LATE: dict[str, Any] = {"date_echeance": date(2026, 4, 10)}


@pytest.fixture
def alertes(ventes: Ventes) -> Any:
    """Asks for the alerts."""
    return partial(ventes.ask, AlertesServiceStub, "GetAlertes")


def told(answer: Any) -> list[tuple[str, str, str, float]]:
    """Level, type, entity and figure of each alert."""
    return [(one.niveau, one.type, one.entite_id, one.valeur_actuelle) for one in answer.alertes]


async def test_R10_rates_of_the_organisation_and_of_each_societe_alarm(ventes: Ventes, alertes: Any) -> None:
    """Sociétés are named; one without invoices and contracts has no alert."""
    nord = await ventes.societe("Nord")
    await ventes.societe("Sud")
    await issued(ventes.mesh, ventes.org, APRIL_2, societe_id=nord, **LATE)
    await issued(ventes.mesh, ventes.org, APRIL_2)
    contrat = await ventes.active("2026-03-10", societe_id=nord)
    await ventes.terminated(contrat, "2026-04-12")
    await decide(ventes, "2026-04", 0)
    answer = await alertes()
    assert told(answer) == [
        ("critique", "taux_churn", ventes.org, 100),
        ("critique", "taux_churn", nord, 100),
        ("critique", "taux_impayes", ventes.org, 50),
        ("critique", "taux_impayes", nord, 100),
    ]
    assert answer.alertes[1].description.startswith("Nord : 100,00 %")
    counts = (answer.total, answer.nombre_critiques, answer.nombre_avertissements, answer.nombre_infos)
    assert counts == (4, 4, 0, 0)


@pytest.mark.parametrize(("ca", "niveau"), [("10400", "critique"), ("14200", "info"), ("14300", None)])
async def test_R07_R10_revenue_is_measured_by_the_objective(
    ventes: Ventes, alertes: Any, ca: str, niveau: str | None
) -> None:
    """30 000 for April, asked on the 15th."""
    await decide(ventes, "2026-04", 30_000)
    await issued(ventes.mesh, ventes.org, APRIL_2, ca)
    answer = await alertes(now=datetime(2026, 4, 15, 10, tzinfo=UTC))
    assert [one.niveau for one in answer.alertes] == ([niveau] if niveau else [])


async def test_R10_alerts_are_about_the_current_month_whatever_the_filters_say(
    ventes: Ventes, alertes: Any
) -> None:
    """Filters of days are checked and count for nothing."""
    await decide(ventes, "2026-04", 0)
    await issued(ventes.mesh, ventes.org, APRIL_2 - timedelta(days=10), **LATE)
    answer = await alertes(date_debut="2026-03-01", date_fin="2026-03-31")
    assert (told(answer), answer.date_debut, answer.date_fin) == ([], "2026-04-01", "2026-04-20")


async def test_R09_R10_a_societe_has_its_own_alerts(ventes: Ventes, alertes: Any) -> None:
    """Rates and revenue are its own, and nobody else's are told."""
    await decide(ventes, "2026-04", 30_000)
    await issued(ventes.mesh, ventes.org, APRIL_2, "100", societe_id="soc-1")
    await issued(ventes.mesh, ventes.org, APRIL_2, "100000", **LATE)
    assert told(await alertes(societe_id="soc-1")) == [("critique", "objectif_ca", "soc-1", 0.5)]


async def test_R10_two_calls_tell_the_same_alerts(ventes: Ventes, alertes: Any) -> None:
    """Ids and instants too, within a day."""
    await issued(ventes.mesh, ventes.org, APRIL_2, **LATE)
    first, second = await alertes(), await alertes(now=NOW + timedelta(hours=5))
    assert list(first.alertes) == list(second.alertes)


async def test_R01_R10_without_anything_nothing_alarms(ventes: Ventes, alertes: Any) -> None:
    """Neither for an organisation of clients alone, nor for nobody."""
    await seen(ventes.mesh, ventes.org, NOW)
    nobody = await Ventes(ventes.mesh, "").ask(AlertesServiceStub, "GetAlertes")
    assert ((await alertes()).total, nobody.total) == (0, 0)
