"""Receipts as the payments service itself announces and tells them (R14, R18, R22)."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub, ProjectionServiceStub
from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from service_dashboard.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, eventually, running

SOURCES = ("clients", "factures", "payments")


@pytest.fixture(scope="module")
async def tills() -> AsyncIterator[Mesh]:
    """The dashboard amid its sources, payments and those that payments calls."""
    known = map(service_named, (*SOURCES, "calendar", "contrats", "notifications"))
    async with running(SERVICE, *known, user_sync_enabled=False) as mesh:
        for name in SOURCES:
            await eventually(partial(mesh["dashboard"].app.peers.serving, name), timeout=30)
        yield mesh


async def test_R14_R18_R22_a_cheque_is_cash_until_it_bounces(tills: Mesh, org: str) -> None:
    """Its receipt arrives by event; what the bank takes back is found by the reconstruction."""
    payments = tills.stub(PaymentServiceStub, organisation=org)
    kpis = tills.stub(DashboardKpisServiceStub, organisation=org)
    projections = tills.service_stub(ProjectionServiceStub, caller="clients", organisation=org)
    wanted = payments_pb2.CreatePaymentRequest(client_id="client-123", montant=49.9, moyen="CHEQUE")
    payment = await payments.Create(wanted)
    await payments.Confirm(payments_pb2.ConfirmPaymentRequest(id=payment.id))

    async def cash() -> tuple[float, int]:
        told = await kpis.GetTresorerie(pb.DashboardFilters())
        return told.encaisse, told.nombre_paiements

    async def is_there() -> bool:
        return await cash() == (49.9, 1)

    await eventually(is_there, timeout=30)
    again = pb.ReconstruireRequest(organisation_id=org)
    before = (await projections.Reconstruire(again)).paiements
    await payments.Reject(payments_pb2.RejectPaymentRequest(id=payment.id, motif_rejet="AM04"))
    after = (await projections.Reconstruire(again)).paiements
    assert (before, after, await cash()) == (0, 1, (0, 0))
