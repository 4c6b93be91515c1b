"""DashboardKpisService, called as its users call it, over rows that stand for events."""

from datetime import UTC, datetime
from typing import Any

import grpc
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from service_testing import Mesh, refused
from tests.clients_vus import seen
from tests.marche import APRIL, MARCH, NOW


async def kpis(mesh: Mesh, org: str | None, **filters: Any) -> pb.GetKpisResponse:
    """Ask for the indicators of *org* at the instant NOW."""
    with frozen_at(NOW):
        stub = mesh.stub(DashboardKpisServiceStub, organisation=org)
        return await stub.GetKpis(pb.DashboardFilters(**filters))


async def test_R01_without_organisation_everything_is_zero(mesh: Mesh, org: str) -> None:
    """For a user; a service has to name one."""
    await seen(mesh, org, NOW)
    answer = await kpis(mesh, None)
    with frozen_at(NOW):
        stub = mesh.service_stub(DashboardKpisServiceStub, caller="clients")
        _, reason = await refused(stub.GetKpis(pb.DashboardFilters()))
    stable = pb.Variation(tendance="stable")
    assert (answer.nouveaux_clients, answer.nouveaux_clients_variation) == (0, stable)
    assert reason == "ORGANISATION_REQUISE"


async def test_R02_the_answer_tells_its_period_and_its_time(mesh: Mesh, org: str) -> None:
    """The answer to an empty request names the days and the instant of its figures."""
    answer = await kpis(mesh, org)
    assert (answer.date_debut, answer.date_fin, answer.calcule_le) == (
        "2026-04-01",
        "2026-04-20",
        timestamp(NOW),
    )


async def test_R02_days_are_those_of_paris_with_both_ends(mesh: Mesh, org: str) -> None:
    """23:30 UTC on 31 March is April; the first and the last instant of April count."""
    await seen(
        mesh,
        org,
        datetime(2026, 3, 31, 21, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 3, 31, 22, 0, tzinfo=UTC),
        datetime(2026, 3, 31, 23, 30, tzinfo=UTC),
        datetime(2026, 4, 30, 21, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 4, 30, 22, 0, tzinfo=UTC),
    )
    counts = [(await kpis(mesh, org, **month)).nouveaux_clients for month in (MARCH, APRIL)]
    assert counts == [1, 3]


async def test_R03_R04_R11_new_clients_are_compared_with_the_period_before(mesh: Mesh, org: str) -> None:
    """Four in the thirty days of April after five in the thirty days before are 20 % less."""
    before = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (2, 3, 10, 20, 31)]
    too_early = datetime(2026, 3, 1, 12, tzinfo=UTC)
    await seen(
        mesh, org, too_early, *before, *[datetime(2026, 4, day, 12, tzinfo=UTC) for day in (1, 9, 20, 30)]
    )
    answer = await kpis(mesh, org, **APRIL)
    assert (answer.nouveaux_clients, answer.nouveaux_clients_variation) == (
        4,
        pb.Variation(pourcentage=20, tendance="baisse"),
    )


async def test_R11_a_societe_counts_its_own_clients(mesh: Mesh, org: str) -> None:
    """The filter leaves the clients of one société; without it all of them count."""
    await seen(mesh, org, NOW, NOW, societe_id="soc-1")
    await seen(mesh, org, NOW)
    counts = [
        (await kpis(mesh, org, societe_id=societe)).nouveaux_clients for societe in ("soc-1", "soc-2", "")
    ]
    assert counts == [2, 0, 3]


async def test_another_organisation_counts_nothing_of_it(mesh: Mesh, org: str) -> None:
    """A client of one organisation is in no figure of another one."""
    await seen(mesh, org, NOW)
    assert (await kpis(mesh, f"{org}-other")).nouveaux_clients == 0


async def test_R01_R02_filters_that_make_no_sense_are_refused(mesh: Mesh, org: str) -> None:
    """Each filter is refused with its reason, even for a caller without organisation."""
    wrong: dict[str, dict[str, str]] = {
        "VALEUR_INCONNUE": {"periode_rapide": "demain"},
        "DATE_INVALIDE": {"date_debut": "2026-02-30"},
        "PERIODE_INVALIDE": {"date_debut": "2026-03-02", "date_fin": "2026-03-01"},
        "FORMAT_INVALIDE": {"societe_id": "soc 1"},
    }
    for organisation in (org, None):
        answers = [await refused(kpis(mesh, organisation, **filters)) for filters in wrong.values()]
        assert answers == [(grpc.StatusCode.INVALID_ARGUMENT, reason) for reason in wrong]
