"""Sums over invoices: balances of clients, series (R6, R7), and the journal (R25)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from psycopg.errors import RaiseException
from service_factures.comptes import _gaps
from service_factures.models import FactureAudit
from service_testing import Mesh, refused
from sqlalchemy import delete, select, update
from tests.facturation import Invoices


async def test_R18_the_balance_of_a_client(noon: datetime, mesh: Mesh, org: str, made: Invoices) -> None:
    """Drafts and other clients do not count; what is late does the day after."""
    payments = mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=org)
    first = await made.issued(montant=100, conditions_paiement="RECEPTION")
    await made.issued(montant=50, societe_id="soc-1")
    await made.draft(montant=7)
    await made.issued(client_id="client-456", montant=9)
    await payments.RegisterPayment(
        pb.RegisterPaymentRequest(
            facture_id=first.id, payment_id="p", montant=30, date_reception="2026-01-22"
        )
    )
    await payments.CreateCreditNote(pb.CreateCreditNoteRequest(id=first.id, motif="geste", montant=20))
    with clock.frozen_at(noon + timedelta(days=1)):
        factures = mesh.stub(InvoiceServiceStub, organisation=org)
        balance = await factures.GetClientBalance(pb.GetClientBalanceRequest(client_id="client-123"))
        default = pb.GetClientBalanceRequest(client_id="client-123", societe_id="")
        of_default = await factures.GetClientBalance(default)
    assert balance == pb.ClientBalance(
        total_facture=150,
        total_avoirs=20,
        total_regle=30,
        solde=100,
        montant_en_retard=50,
        nb_factures_ouvertes=2,
    )
    assert (of_default.total_facture, of_default.solde, of_default.nb_factures_ouvertes) == (100, 50, 1)


async def test_R07_a_series_is_checked(mesh: Mesh, org: str) -> None:
    """A series of issued invoices is in order; one without numbers, too."""
    with clock.frozen_at(datetime(2026, 1, 22, 11, tzinfo=UTC)):
        factures = mesh.stub(InvoiceServiceStub, organisation=org)
        for _ in range(3):
            await Invoices(factures).issued()
        answer = await factures.CheckSequence(pb.CheckSequenceRequest(serie="FACTURE", annee=2026))
        none = await factures.CheckSequence(pb.CheckSequenceRequest(serie="AVOIR", annee=2026))
        for serie, annee, reason in (
            ("", 2026, "CHAMP_REQUIS"),
            ("facture", 2026, "VALEUR_INCONNUE"),
            ("FACTURE", 26, "ANNEE_INVALIDE"),
        ):
            call = factures.CheckSequence(pb.CheckSequenceRequest(serie=serie, annee=annee))
            assert await refused(call) == (StatusCode.INVALID_ARGUMENT, reason)
    assert answer == pb.CheckSequenceResponse(premier=1, dernier=3, nombre=3, chronologie_ok=True)
    assert none == pb.CheckSequenceResponse(chronologie_ok=True)


def test_R06_gaps_are_found() -> None:
    """From 1 on, a thousand at most."""
    assert _gaps([1, 2, 5, 6, 8]) == [3, 4, 7]
    assert _gaps([2]) == [1]
    assert len(_gaps([1, 10**9])) == 1_000


async def test_R25_each_change_is_noted(mesh: Mesh, org: str, made: Invoices) -> None:
    """With who made it, and the state before and after; nobody changes a row of the journal."""
    factures = mesh.stub(InvoiceServiceStub, organisation=org, user="anne")
    payments = mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=org)
    draft = await Invoices(factures).draft(montant=100)
    await factures.Update(pb.UpdateFactureRequest(id=draft.id, notes="x"))
    await factures.Finalize(pb.FinalizeFactureRequest(id=draft.id))
    paid: dict[str, Any] = {"facture_id": draft.id, "payment_id": "p"}
    await payments.RegisterPayment(pb.RegisterPaymentRequest(**paid, montant=30, date_reception="2026-01-22"))
    await payments.ReversePayment(pb.ReversePaymentRequest(**paid, motif="rejet", cle_idempotence="k"))
    await factures.CreateCreditNote(pb.CreateCreditNoteRequest(id=draft.id, motif="geste", montant=20))
    database = mesh.database("factures")
    with within(Scope(org)):
        rows = await database.read().all(select(FactureAudit).order_by(FactureAudit.id))
        ours = [row for row in rows if str(row.facture_id) == draft.id]
        for statement in (delete(FactureAudit), update(FactureAudit).values(acteur="x")):
            with pytest.raises(RaiseException, match="append-only"):
                async with database.transaction() as tx:
                    await tx.execute(statement)
    assert [(row.action, row.acteur) for row in ours] == [
        ("CREATION", "anne"),
        ("MODIFICATION", "anne"),
        ("EMISSION", "anne"),
        ("REGLEMENT", "service:contrats"),
        ("ANNULATION_REGLEMENT", "service:contrats"),
        ("AVOIR", "anne"),
    ]
    assert ours[2].avant is not None
    assert ours[2].apres is not None
    assert (ours[2].avant["statut"], ours[2].apres["statut"]) == ("BROUILLON", "EMISE")


async def test_R25_a_deleted_draft_leaves_its_journal(mesh: Mesh, org: str, made: Invoices) -> None:
    """The draft is gone, what was done to it stays."""
    draft = await made.draft()
    factures = mesh.stub(InvoiceServiceStub, organisation=org)
    await factures.Delete(pb.DeleteFactureRequest(id=draft.id))
    with within(Scope(org)):
        rows = await mesh.database("factures").read().all(select(FactureAudit).order_by(FactureAudit.id))
    assert [row.action for row in rows if str(row.facture_id) == draft.id] == ["CREATION", "SUPPRESSION"]
