"""Receipts compared with payments, which owns them (R18)."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import ProjectionServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils.errors import Unavailable
from service_dashboard.models import PaiementVu
from service_dashboard.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, eventually, refused, running
from sqlalchemy import select
from tests.paiements_vus import RECEIVED, announced, received
from tests.payments_double import CAISSE, Caisse, payments

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)  # when the dashboard heard of it


@pytest.fixture(scope="module")
async def cashiers() -> AsyncIterator[Mesh]:
    """The dashboard amid clients, factures and a double of payments."""
    known = map(service_named, ("clients", "factures"))
    doubles = {"payments": [payments()]}
    async with running(SERVICE, *known, doubles=doubles, user_sync_enabled=False) as mesh:
        peers = mesh["dashboard"].app.peers
        for name in ("clients", "factures", "payments"):
            await eventually(partial(peers.serving, name))
        yield mesh


@pytest.fixture
def caisse() -> Iterator[Caisse]:
    """The payments that the double tells."""
    yield CAISSE
    CAISSE.payments.clear()
    CAISSE.refusals.clear()
    CAISSE.page = 100


async def rebuilt(mesh: Mesh, org: str) -> int:
    """How many receipts a reconstruction of *org* has changed."""
    stub = mesh.service_stub(ProjectionServiceStub, caller="clients", organisation=org)
    return (await stub.Reconstruire(pb.ReconstruireRequest(organisation_id=org))).paiements


async def receipts(mesh: Mesh, org: str) -> dict[str, float]:
    """Amounts of the receipts of *org* by their payment."""
    rows = select(PaiementVu).where(PaiementVu.organisation_id == org)
    return {row.payment_id: float(row.montant) for row in await mesh.database("dashboard").read().all(rows)}


async def test_R18_receipts_are_added_and_corrected_once(cashiers: Mesh, org: str, caisse: Caisse) -> None:
    """What no event has told of, and what was paid back since; payments of other kinds are none."""
    new = caisse.add(org, facture_id="facture-1", schedule_id="plan-1", contrat_id="c-1", societe_id="soc-1")
    partly = caisse.add(org, montant=100, montant_rembourse=40, statut="PARTIALLY_REFUNDED")
    caisse.add(org, statut="PENDING")
    caisse.add(f"{org}-autre")
    await received(cashiers, org, RECEIVED, "100", payment_id=partly.id, vu_le=EARLIER)
    assert [await rebuilt(cashiers, org) for _ in range(2)] == [2, 0]
    assert await receipts(cashiers, org) == {new.id: 49.9, partly.id: 60}
    rows = select(PaiementVu).where(PaiementVu.payment_id == new.id)
    (row,) = await cashiers.database("dashboard").read().all(rows)
    assert (row.recu_le, row.client_id, row.societe_id) == (RECEIVED, "client-123", "soc-1")
    assert (row.facture_id, row.schedule_id, row.contrat_id) == ("facture-1", "plan-1", "c-1")


@pytest.mark.parametrize("statut", ["REJECTED", "REFUNDED"])
async def test_R18_what_the_bank_has_taken_back_is_taken_away(
    cashiers: Mesh, org: str, caisse: Caisse, statut: str
) -> None:
    """And so is what was paid back whole; a receipt of an outside system stays."""
    gone = caisse.add(org, statut=statut)
    for payment_id in (gone.id, "paiement-exterieur"):
        await received(cashiers, org, RECEIVED, "49.90", payment_id=payment_id, vu_le=EARLIER)
    assert [await rebuilt(cashiers, org) for _ in range(2)] == [1, 0]
    assert await receipts(cashiers, org) == {"paiement-exterieur": 49.9}


async def test_R18_a_receipt_younger_than_the_run_is_left_alone(
    cashiers: Mesh, org: str, caisse: Caisse
) -> None:
    """Payments may have been asked before it came."""
    young = caisse.add(org, statut="REJECTED")
    other = caisse.add(org, montant=10)
    later = clock.now() + timedelta(hours=1)
    for payment in (young, other):
        await received(cashiers, org, RECEIVED, "49.90", payment_id=payment.id, vu_le=later)
    assert await rebuilt(cashiers, org) == 0
    assert await receipts(cashiers, org) == {young.id: 49.9, other.id: 49.9}


async def test_R18_an_announcement_after_the_reconstruction_counts_once(
    cashiers: Mesh, org: str, caisse: Caisse
) -> None:
    """The event of a payment that was added already changes nothing."""
    payment = caisse.add(org)
    await rebuilt(cashiers, org)
    await cashiers.deliver(announced(organisation_id=org, payment_id=payment.id))
    assert await receipts(cashiers, org) == {payment.id: 49.9}


async def test_R18_all_pages_of_receipts_are_read(cashiers: Mesh, org: str, caisse: Caisse) -> None:
    """Five payments on pages of two."""
    caisse.page = 2
    for _ in range(5):
        caisse.add(org)
    assert await rebuilt(cashiers, org) == 5


async def test_R18_while_payments_is_away_nothing_is_taken_away(
    cashiers: Mesh, org: str, caisse: Caisse
) -> None:
    """The run is refused and can be repeated."""
    payment = caisse.add(org)
    await received(cashiers, org, RECEIVED, "49.90", payment_id=payment.id, vu_le=EARLIER)
    caisse.refusals = [Unavailable() for _ in range(3)]  # as many as a call is tried
    assert (await refused(rebuilt(cashiers, org)))[0] == StatusCode.UNAVAILABLE
    assert (await rebuilt(cashiers, org), await receipts(cashiers, org)) == (0, {payment.id: 49.9})
