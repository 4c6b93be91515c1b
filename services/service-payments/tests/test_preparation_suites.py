"""Échéances that were held get another day with their notice, whatever held them (R7, R34)."""

from datetime import datetime

import pytest
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentScheduleServiceStub
from db_utils import clock
from service_payments.models import Echeancier
from service_payments.preparation import prepare_due
from service_testing import Mesh
from tests.monthly_sales import monthly

pytestmark = pytest.mark.usefixtures("on_monday", "the_fifth")


async def first_after(
    mesh: Mesh, echeanciers: PaymentScheduleServiceStub, schedule_id: str, day: int, month: int = 1
) -> pb.Echeance:
    """The first échéance after the job has run at 05:00 of a day of 2026."""
    with clock.frozen_at(datetime(2026, month, day, 5, tzinfo=clock.PARIS)):
        await prepare_due(mesh["payments"].app)
    return (await echeanciers.Get(pb.GetScheduleRequest(id=schedule_id))).echeances[0]


async def test_R7_a_refused_invoice_gets_another_day_once_its_own_has_passed(
    mesh: Mesh, echeanciers: PaymentScheduleServiceStub
) -> None:
    """Fourteen days after the one on which it is invoiced at last."""
    schedule = await echeanciers.Create(monthly())
    await _taxed(mesh, schedule.id, [{"taux": "0", "motif": "SANS_RAISON", "montant": "49.90"}])
    refused = await first_after(mesh, echeanciers, schedule.id, 22)
    assert (refused.statut, refused.date_prelevement) == ("BLOQUEE", "2026-02-05")
    await _taxed(mesh, schedule.id, [])
    moved = await first_after(mesh, echeanciers, schedule.id, 20, month=2)
    assert (moved.statut, moved.date_prelevement) == ("FACTUREE", "2026-03-06")


async def _taxed(mesh: Mesh, schedule_id: str, lignes: list[dict[str, str]]) -> None:
    async with mesh.database("payments").transaction() as tx:
        row = await tx.get(Echeancier, schedule_id)
        assert row is not None
        await tx.update(row, tva={"lignes": lignes})


async def test_R34_after_a_suspension_the_notice_is_whole_again(
    mesh: Mesh,
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> None:
    """Suspended when the notice of 5 February began, active again on the 1st: not debited four days later."""
    contrat, schedule = sold
    await orchestrations.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat.id))
    await orchestrations.Suspendre(
        contrats_pb2.SuspendreContratRequest(contrat_id=contrat.id, motif="travaux")
    )
    held = await first_after(mesh, echeanciers, schedule.id, 22)
    assert (held.statut, held.date_prelevement) == ("PLANIFIEE", "2026-02-05")
    await orchestrations.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat.id))
    moved = await first_after(mesh, echeanciers, schedule.id, 1, month=2)
    assert (moved.statut, moved.facture_id) == ("PLANIFIEE", "")
    assert moved.date_prelevement >= "2026-02-15"
    assert moved.decalage_motif != "CONTRAT_SUSPENDU"
