"""Unpaid invoices among the indicators (R6), as users ask for them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from db_utils.clock import frozen_at
from service_testing import Mesh
from tests.factures_vues import issued

NOW = datetime(2026, 4, 20, 10, 0, tzinfo=UTC)
TODAY = date(2026, 4, 20)
YESTERDAY = TODAY - timedelta(days=1)
IN_APRIL, IN_MARCH = datetime(2026, 4, 2, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)
STABLE = pb.Variation(tendance="stable")


async def impayes(mesh: Mesh, org: str | None, **filters: Any) -> tuple[float, pb.Variation]:
    """The rate of *org* for 1 to 20 April, and its variation."""
    with frozen_at(NOW):
        stub = mesh.stub(DashboardKpisServiceStub, organisation=org)
        answer = await stub.GetKpis(pb.DashboardFilters(**filters))
    assert (answer.donnees_partielles, list(answer.sources_indisponibles)) == (True, ["payments"])
    return answer.taux_impayes, answer.taux_impayes_variation


async def test_R06_invoices_past_their_due_date_are_late(mesh: Mesh, org: str) -> None:
    """One of three, due yesterday: 33.33 %; due today is not late, and nothing to pay is paid."""
    await issued(mesh, org, IN_APRIL, date_echeance=YESTERDAY)
    await issued(mesh, org, IN_APRIL, date_echeance=TODAY)
    await issued(mesh, org, IN_APRIL, "0", date_echeance=YESTERDAY)
    assert await impayes(mesh, org) == (33.33, pb.Variation(pourcentage=100, tendance="hausse"))


async def test_R03_R04_R06_the_period_before_is_judged_on_the_same_day(mesh: Mesh, org: str) -> None:
    """Half of April's after two thirds of March's are 25 % less, exactly."""
    for due in (YESTERDAY, YESTERDAY, TODAY):
        await issued(mesh, org, IN_MARCH, date_echeance=due)
    for due in (YESTERDAY, TODAY):
        await issued(mesh, org, IN_APRIL, date_echeance=due)
    assert await impayes(mesh, org) == (50, pb.Variation(pourcentage=25, tendance="baisse"))


async def test_R06_an_organisation_without_invoices_has_none_that_is_late(mesh: Mesh, org: str) -> None:
    """Nor has a caller without organisation, nor another organisation."""
    await issued(mesh, f"{org}-autre", IN_APRIL, date_echeance=YESTERDAY)
    assert [await impayes(mesh, one) for one in (org, None)] == [(0, STABLE), (0, STABLE)]


async def test_R06_R09_a_societe_is_judged_by_its_own_invoices(mesh: Mesh, org: str) -> None:
    """The filter leaves those of one société."""
    await issued(mesh, org, IN_APRIL, societe_id="soc-1", date_echeance=YESTERDAY)
    await issued(mesh, org, IN_APRIL)
    rates = [(await impayes(mesh, org, societe_id=one))[0] for one in ("soc-1", "soc-2", "")]
    assert rates == [100, 0, 50]
