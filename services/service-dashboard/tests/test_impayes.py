"""Unpaid invoices among the indicators (R6), as users ask for them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from db_utils.clock import frozen_at
from service_testing import Mesh
from tests.factures_vues import issued
from tests.paiements_vus import received

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
    assert (answer.donnees_partielles, list(answer.sources_indisponibles)) == (False, [])
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


MARCH = [("100", date(2026, 3, 1)), ("50", date(2026, 3, 10)), ("70", date(2026, 3, 30))]


async def on_15_march(mesh: Mesh, org: str, **filters: Any) -> float:
    """The rate of March, asked for on the 15th."""
    with frozen_at(datetime(2026, 3, 15, 10, tzinfo=UTC)):
        stub = mesh.stub(DashboardKpisServiceStub, organisation=org)
        march = pb.DashboardFilters(date_debut="2026-03-01", date_fin="2026-03-31", **filters)
        return (await stub.GetKpis(march)).taux_impayes


async def _march(mesh: Mesh, org: str, **fields: Any) -> list[str]:
    """Three invoices of March to one client: their ids."""
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    rows = [await issued(mesh, org, at, amount, date_echeance=due, **fields) for amount, due in MARCH]
    return [row.invoice_id for row in rows]


@pytest.mark.parametrize(
    ("receipts", "rate"),
    [
        ([], 66.67),
        ([("120", None)], 33.33),
        ([("120", 1)], 33.33),
        ([("99.99", None)], 66.67),
        ([("100", None), ("50", None)], 0),
        ([("149.99", None)], 33.33),
        ([("30", 0), ("70", None)], 33.33),
        ([("30", 0), ("70", None), ("50", 1)], 0),
        ([("220", 2)], 0),
        ([("150", 2)], 66.67),
        ([("170", 2)], 33.33),
        ([("1000", "facture-inconnue")], 66.67),
    ],
)
async def test_R06_receipts_cover_the_invoice_that_they_name_then_the_oldest(
    mesh: Mesh, org: str, receipts: list[tuple[str, int | str | None]], rate: float
) -> None:
    """The worked example of R6 and its neighbours: 100 due on the 1st, 50 on the 10th, 70 on the 30th."""
    ids = await _march(mesh, org)
    for amount, named in receipts:
        facture_id = ids[named] if isinstance(named, int) else named
        await received(mesh, org, IN_MARCH, amount, facture_id=facture_id)
    assert await on_15_march(mesh, org) == rate


async def test_R06_a_receipt_without_invoice_covers_older_ones_first(mesh: Mesh, org: str) -> None:
    """One of another period, and never those of another client or organisation."""
    await issued(mesh, org, datetime(2025, 1, 1, tzinfo=UTC), "40", date_echeance=date(2025, 2, 1))
    await _march(mesh, org)
    await received(mesh, org, IN_MARCH, "139", client_id="client-123")
    await received(mesh, org, IN_MARCH, "1000", client_id="client-456")
    await received(mesh, f"{org}-autre", IN_MARCH, "1000")
    assert await on_15_march(mesh, org) == 66.67
    await received(mesh, org, IN_MARCH, "1")
    assert await on_15_march(mesh, org) == 33.33


async def test_R06_R09_receipts_of_another_societe_cover_only_what_they_name(mesh: Mesh, org: str) -> None:
    """Without a filter they cover the client's invoices like all others."""
    ids = await _march(mesh, org, societe_id="soc-1")
    await received(mesh, org, IN_MARCH, "100", societe_id="soc-2")
    await received(mesh, org, IN_MARCH, "50", facture_id=ids[1])
    assert [await on_15_march(mesh, org, societe_id=one) for one in ("soc-1", "")] == [33.33, 0]


async def test_R06_R09_a_societe_is_judged_by_its_own_invoices(mesh: Mesh, org: str) -> None:
    """The filter leaves those of one société."""
    await issued(mesh, org, IN_APRIL, societe_id="soc-1", date_echeance=YESTERDAY)
    await issued(mesh, org, IN_APRIL)
    rates = [(await impayes(mesh, org, societe_id=one))[0] for one in ("soc-1", "soc-2", "")]
    assert rates == [100, 0, 50]
