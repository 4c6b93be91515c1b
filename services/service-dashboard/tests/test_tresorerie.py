"""Cash flow (R14), as users ask for it."""

from datetime import UTC, date, datetime
from typing import Any

import grpc
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from service_testing import Mesh, refused
from tests.factures_vues import issued
from tests.paiements_vus import received

NOW = datetime(2026, 4, 20, 10, 0, tzinfo=UTC)
ISSUED = datetime(2026, 3, 2, tzinfo=UTC)
THREE_DAYS = {"date_debut": "2026-04-01", "date_fin": "2026-04-03"}


async def tresorerie(mesh: Mesh, org: str | None, **filters: Any) -> pb.GetTresorerieResponse:
    """The cash flow of *org*, asked for at the instant NOW."""
    with frozen_at(NOW):
        stub = mesh.stub(DashboardKpisServiceStub, organisation=org)
        return await stub.GetTresorerie(pb.DashboardFilters(**filters))


async def test_R14_receipts_stand_beside_what_was_due(mesh: Mesh, org: str) -> None:
    """Every day is listed; the variation is that of the three days before."""
    await received(mesh, org, datetime(2026, 4, 1, 12, tzinfo=UTC), "49.90")
    await received(mesh, org, datetime(2026, 4, 3, 12, tzinfo=UTC), "100.10")
    await received(mesh, org, datetime(2026, 4, 3, 12, tzinfo=UTC), "50")
    await received(mesh, org, datetime(2026, 3, 30, 12, tzinfo=UTC), "250")
    for due, amount in ((date(2026, 4, 1), "120"), (date(2026, 4, 3), "180.01"), (date(2026, 4, 4), "7")):
        await issued(mesh, org, ISSUED, amount, date_echeance=due)
    assert await tresorerie(mesh, org, **THREE_DAYS) == pb.GetTresorerieResponse(
        encaisse=200,
        nombre_paiements=3,
        attendu=300.01,
        ecart=-100.01,
        par_jour=[
            pb.EncaisseDuJour(date="2026-04-01", encaisse=49.9),
            pb.EncaisseDuJour(date="2026-04-02"),
            pb.EncaisseDuJour(date="2026-04-03", encaisse=150.1),
        ],
        encaisse_variation=pb.Variation(pourcentage=20, tendance="baisse"),
        date_debut="2026-04-01",
        date_fin="2026-04-03",
        calcule_le=timestamp(NOW),
    )


async def test_R02_R14_days_are_those_of_paris(mesh: Mesh, org: str) -> None:
    """23:30 UTC on 31 March is 1 April; 22:00 UTC on 3 April is the 4th."""
    await received(mesh, org, datetime(2026, 3, 31, 23, 30, tzinfo=UTC), "1")
    await received(mesh, org, datetime(2026, 4, 3, 21, 59, tzinfo=UTC), "2")
    await received(mesh, org, datetime(2026, 4, 3, 22, 0, tzinfo=UTC), "4")
    answer = await tresorerie(mesh, org, **THREE_DAYS)
    assert [one.encaisse for one in answer.par_jour] == [1, 0, 2]


async def test_R09_R14_a_societe_has_its_own_cash(mesh: Mesh, org: str) -> None:
    """The filter leaves receipts and invoices of one société."""
    for societe, amount in (("soc-1", "10"), ("", "5")):
        await received(mesh, org, datetime(2026, 4, 2, 12, tzinfo=UTC), amount, societe_id=societe)
        await issued(mesh, org, ISSUED, amount, societe_id=societe, date_echeance=date(2026, 4, 2))
    answers = [await tresorerie(mesh, org, societe_id=one, **THREE_DAYS) for one in ("soc-1", "soc-2", "")]
    assert [(one.encaisse, one.attendu) for one in answers] == [(10, 10), (0, 0), (15, 15)]


async def test_R01_R14_nobody_has_no_cash(mesh: Mesh, org: str) -> None:
    """A user without organisation and another organisation are shown zeros."""
    await received(mesh, org, datetime(2026, 4, 2, 12, tzinfo=UTC))
    for one in (None, f"{org}-autre"):
        answer = await tresorerie(mesh, one, **THREE_DAYS)
        assert (answer.encaisse, answer.nombre_paiements, len(answer.par_jour)) == (0, 0, 3)
        assert answer.encaisse_variation == pb.Variation(tendance="stable")


async def test_R02_R14_filters_that_make_no_sense_are_refused(mesh: Mesh, org: str) -> None:
    """Like those of the indicators."""
    wrong = {"VALEUR_INCONNUE": {"periode_rapide": "demain"}, "FORMAT_INVALIDE": {"societe_id": "soc 1"}}
    answers = [await refused(tresorerie(mesh, org, **filters)) for filters in wrong.values()]
    assert answers == [(grpc.StatusCode.INVALID_ARGUMENT, reason) for reason in wrong]
