"""EvolutionCaService, called as its users call it, over rows that stand for events."""

from datetime import UTC, datetime
from typing import Any

import grpc
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import EvolutionCaServiceStub
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from service_testing import Mesh, refused
from tests.factures_vues import announced, issued

NOW = datetime(2026, 4, 20, 10, 0, tzinfo=UTC)
SPRING = {"date_debut": "2026-02-01", "date_fin": "2026-04-30"}


async def evolution(mesh: Mesh, org: str | None, **filters: Any) -> pb.GetEvolutionCaResponse:
    """Ask for the revenue of *org* at the instant NOW."""
    with frozen_at(NOW):
        stub = mesh.stub(EvolutionCaServiceStub, organisation=org)
        return await stub.GetEvolutionCa(pb.DashboardFilters(**filters))


def told(answer: pb.GetEvolutionCaResponse) -> list[tuple[str, float, float]]:
    """Months, revenue and objectives of an answer."""
    return [(one.mois, one.ca_realise, one.objectif) for one in answer.donnees]


async def test_R07_an_announced_invoice_is_revenue_of_its_month(mesh: Mesh, org: str) -> None:
    """Five deliveries of one event count once, and every month of the year is listed."""
    await mesh.deliver(announced(organisation_id=org, timestamp=timestamp(NOW)), times=5)
    answer = await evolution(mesh, org)
    assert (answer.date_debut, answer.date_fin, answer.calcule_le, answer.donnees_partielles) == (
        "2025-05-01",
        "2026-04-20",
        timestamp(NOW),
        False,
    )
    assert [(mois, ca) for mois, ca, _ in told(answer)] == [
        *((f"2025-{month:02}", 0) for month in range(5, 13)),
        *((f"2026-{month:02}", 0) for month in range(1, 4)),
        ("2026-04", 49.9),
    ]


async def test_R07_months_are_those_of_paris(mesh: Mesh, org: str) -> None:
    """An invoice of 31 March 23:30 UTC is one of April; of 21:30 UTC it is still March."""
    await issued(mesh, org, datetime(2026, 3, 31, 23, 30, tzinfo=UTC), "10.10")
    await issued(mesh, org, datetime(2026, 3, 31, 21, 30, tzinfo=UTC), "20.20")
    assert [ca for _, ca, _ in told(await evolution(mesh, org, **SPRING))] == [0, 20.2, 10.1]


async def test_R07_a_leap_day_belongs_to_its_february(mesh: Mesh, org: str) -> None:
    """It ends a window of months as any last day does."""
    await issued(mesh, org, datetime(2024, 2, 29, 22, tzinfo=UTC), "5")
    answer = await evolution(mesh, org, date_fin="2024-02-29")
    assert (answer.date_debut, told(answer)[-1]) == ("2023-03-01", ("2024-02", 5, 0))


async def test_R07_objectives_come_from_the_year_before_each_month(mesh: Mesh, org: str) -> None:
    """1000 in December and 500 in February: 1100, 550, then 550 on average and a tenth more."""
    await issued(mesh, org, datetime(2025, 12, 10, tzinfo=UTC), "1000")
    await issued(mesh, org, datetime(2026, 2, 10, tzinfo=UTC), "500")
    answer = await evolution(mesh, org, date_debut="2025-12-01", date_fin="2026-03-31")
    assert told(answer) == [
        ("2025-12", 1000, 0),
        ("2026-01", 0, 1100),
        ("2026-02", 500, 550),
        ("2026-03", 0, 550),
    ]


async def test_R07_days_outside_the_period_are_no_revenue_but_count_for_objectives(
    mesh: Mesh, org: str
) -> None:
    """A period from 15 to 31 March leaves out the 14th."""
    await issued(mesh, org, datetime(2026, 3, 14, 12, tzinfo=UTC), "100")
    await issued(mesh, org, datetime(2026, 3, 15, 12, tzinfo=UTC), "40")
    await issued(mesh, org, datetime(2026, 4, 16, 12, tzinfo=UTC), "7")
    answer = await evolution(mesh, org, date_debut="2026-03-15", date_fin="2026-04-15")
    assert told(answer) == [("2026-03", 40, 0), ("2026-04", 0, 154)]


async def test_R09_a_societe_has_its_own_revenue(mesh: Mesh, org: str) -> None:
    """Its first invoice is that of the société; without the filter all invoices count."""
    await issued(mesh, org, datetime(2026, 2, 10, tzinfo=UTC), "100", societe_id="soc-1")
    await issued(mesh, org, datetime(2026, 3, 10, tzinfo=UTC), "30")
    answers = [told(await evolution(mesh, org, societe_id=one, **SPRING)) for one in ("soc-1", "soc-2", "")]
    assert [[(ca, goal) for _, ca, goal in answer] for answer in answers] == [
        [(100, 0), (0, 110), (0, 55)],
        [(0, 0), (0, 0), (0, 0)],
        [(100, 0), (30, 110), (0, 71.5)],
    ]


async def test_R01_without_organisation_revenue_is_zero(mesh: Mesh, org: str) -> None:
    """So it is for another organisation; a service has to name one."""
    await issued(mesh, org, NOW)
    stub = mesh.service_stub(EvolutionCaServiceStub, caller="clients")
    _, reason = await refused(stub.GetEvolutionCa(pb.DashboardFilters()))
    answers = [await evolution(mesh, one) for one in (None, f"{org}-autre")]
    assert {ca for answer in answers for _, ca, _ in told(answer)} == {0}
    assert ([len(answer.donnees) for answer in answers], reason) == ([12, 12], "ORGANISATION_REQUISE")


async def test_R02_R07_filters_that_make_no_sense_are_refused(mesh: Mesh, org: str) -> None:
    """Each with its reason; a quick period that is none too, although the others have no say."""
    wrong: dict[str, dict[str, str]] = {
        "VALEUR_INCONNUE": {"periode_rapide": "demain"},
        "DATE_INVALIDE": {"date_debut": "2026-02-30"},
        "PERIODE_INVALIDE": {"date_debut": "2020-01-01"},
        "FORMAT_INVALIDE": {"societe_id": "soc 1"},
    }
    answers = [await refused(evolution(mesh, org, **filters)) for filters in wrong.values()]
    assert answers == [(grpc.StatusCode.INVALID_ARGUMENT, reason) for reason in wrong]
