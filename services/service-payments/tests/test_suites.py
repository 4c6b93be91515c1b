"""What outcomes owe to factures (R18, R19, R21), asked of the real service."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from crm.factures.factures_pb2 import CreateCreditNoteRequest, GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from service_payments.service import SERVICE
from service_testing import Mesh, refusal
from tests.bank_files import camt, detail, entry, returned
from tests.debits_due import Debits
from tests.encaissements import Encaissements


@pytest.fixture
def told(mesh: Mesh, factures: InvoiceServiceStub) -> Callable[[str], Awaitable[str]]:
    """Send what is owed, and ask for the statut of an invoice."""
    app = mesh["payments"].app
    names = ("outgoing-reglement", "outgoing-annulation_reglement")
    senders = [worker for worker in SERVICE.workers if worker.name in names]

    async def statut(facture_id: str) -> str:
        for sender in senders:
            await sender.run(app)
        return str((await factures.Get(GetFactureRequest(id=facture_id))).statut)

    return statut


async def test_R18_R19_an_invoice_is_paid_and_unpaid_with_its_debit(
    banque: Encaissements, due: Debits, told: Callable[[str], Awaitable[str]]
) -> None:
    """Commission is asked too, after a receipt that came back."""
    facture = await due.facture()
    debit = await banque.submitted("49.90", facture_id=facture.id)
    await banque.report(camt(entry("49.90", "CRDT", detail(debit.end_to_end_id))))
    assert await told(facture.id) == "PAYEE"
    await banque.report(camt(entry("49.90", "DBIT", detail(debit.end_to_end_id, returned("MD06")))))
    assert await told(facture.id) == "EMISE"
    owed = await banque.owed(debit.id)
    assert ("reprise", f"retour:{debit.id}") in owed


async def test_R19_a_debit_that_was_never_paid_owes_no_reversal(banque: Encaissements, due: Debits) -> None:
    facture = await due.facture()
    debit = await banque.submitted("49.90", facture_id=facture.id)
    await banque.report(camt(entry("49.90", "DBIT", detail(debit.end_to_end_id, returned("AM04")))))
    assert await banque.owed(debit.id) == []


async def test_R18_retry_is_told_of_the_payment_that_it_asked_for(banque: Encaissements) -> None:
    debit = await banque.submitted(retry_attempt_id="essai-1")
    await banque.report(banque.credit(debit))
    stored = await banque.read(debit)
    assert [("issue_representation", f"{debit.id}:PAID:{stored.version}")] == await banque.owed(debit.id)


async def test_R21_a_refund_follows_an_avoir(
    banque: Encaissements,
    due: Debits,
    factures: InvoiceServiceStub,
    paiements: PaymentServiceStub,
    told: Callable[[str], Awaitable[str]],
) -> None:
    """The key again is the same refund; more than what was paid too much is refused."""
    facture = await due.facture()
    debit = await banque.submitted("49.90", facture_id=facture.id)
    await banque.report(camt(entry("49.90", "CRDT", detail(debit.end_to_end_id))))
    assert await told(facture.id) == "PAYEE"
    request = pb.RefundPaymentRequest(id=str(debit.id), montant=20, motif="geste", idempotency_key="r1")
    refused = await refusal(paiements.Refund(request))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "AVOIR_REQUIS")
    await factures.CreateCreditNote(
        CreateCreditNoteRequest(id=facture.id, montant=20, motif="geste commercial")
    )
    answers = [await paiements.Refund(request) for _ in range(2)]
    assert [(one.statut, one.montant_rembourse) for one in answers] == [("PARTIALLY_REFUNDED", 20.0)] * 2
    request.idempotency_key = "r2"
    assert (await refusal(paiements.Refund(request))).reason == "AVOIR_REQUIS"


async def test_R21_a_payment_is_refunded_in_parts(
    banque: Encaissements, paiements: PaymentServiceStub
) -> None:
    """49.90: 20.00 leave 29.90; 30.00 are too much, 29.90 are the rest."""
    debit = await banque.submitted("49.90", statut="PAID")

    def request(montant: float, key: str) -> pb.RefundPaymentRequest:
        return pb.RefundPaymentRequest(id=str(debit.id), montant=montant, motif="geste", idempotency_key=key)

    assert (await paiements.Refund(request(20, "a"))).statut == "PARTIALLY_REFUNDED"
    refused = await refusal(paiements.Refund(request(30, "b")))
    assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "MONTANT_TROP_ELEVE")
    assert (await paiements.Refund(request(9.90, "c"))).statut == "PARTIALLY_REFUNDED"
    assert (await paiements.Refund(request(20, "d"))).statut == "REFUNDED"
    assert await banque.way(debit) == ["PARTIALLY_REFUNDED", "REFUNDED"]
    assert Decimal("49.90") == (await banque.read(debit)).montant_rembourse
