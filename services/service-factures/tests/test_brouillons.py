"""Drafts: changed (R24), deleted (R9), issued (R6, R7)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, code_of, refused
from tests.facturation import R3, Invoices

LOCKED = (StatusCode.FAILED_PRECONDITION, "FACTURE_VERROUILLEE")
INVALID = StatusCode.INVALID_ARGUMENT


def update(facture: pb.Facture, **fields: Any) -> pb.UpdateFactureRequest:
    """A request that changes *facture*."""
    return pb.UpdateFactureRequest(id=facture.id, **fields)


def finalize(facture: pb.Facture, day: str = "") -> pb.FinalizeFactureRequest:
    """A request that issues *facture*."""
    return pb.FinalizeFactureRequest(id=facture.id, date_emission=day)


async def test_R24_lines_stay_unless_they_are_given(made: Invoices, factures: InvoiceServiceStub) -> None:
    """So do other fields; totals follow the lines, and the VAT of an amount is not reckoned anew."""
    draft = await made.draft(montant=29.97, notes="à relire")
    changed = await factures.Update(update(draft, reference_commande="BC-7"))
    assert (changed.notes, changed.reference_commande, changed.montant_tva) == ("à relire", "BC-7", 4.99)
    assert changed.lignes == draft.lignes
    changed = await factures.Update(update(draft, lignes=R3))
    assert (changed.montant_ht, changed.montant_tva, changed.solde) == (100.11, 11.89, 112)
    assert len(changed.lignes) == 5
    changed = await factures.Update(update(draft, montant=12, taux_tva=10, libelle="Forfait"))
    assert [(one.description, one.montant_ht) for one in changed.lignes] == [("Forfait", 10.91)]
    assert await made.read(draft.id) == changed


async def test_R24_a_field_is_cleared_by_an_empty_text(made: Invoices, factures: InvoiceServiceStub) -> None:
    """Unless the invoice needs it."""
    draft = await made.draft(notes="x", date_echeance="2030-01-01", contrat_id="contrat-1")
    changed = await factures.Update(update(draft, notes="", date_echeance="", contrat_id=""))
    assert (changed.notes, changed.date_echeance, changed.contrat_id) == ("", "", "")
    for field in ("client_id", "mode_paiement", "conditions_paiement", "nature_operation"):
        assert await refused(factures.Update(update(draft, **{field: ""}))) == (INVALID, "CHAMP_REQUIS")


async def test_R24_another_reason_changes_the_categories(
    made: Invoices, factures: InvoiceServiceStub
) -> None:
    """Of the lines at 0 % and of their VAT; one that does not do is refused."""
    draft = await made.draft(montant=10, taux_tva=0, motif_exoneration="EXONERATION_261C")
    changed = await factures.Update(update(draft, motif_exoneration="EXPORT"))
    assert (changed.lignes[0].categorie_tva, changed.ventilation_tva[0].categorie) == ("G", "G")
    wrong = (("INTRACOM", "INTRACOM_SANS_BIENS"), ("FRANCHISE_293B", "FRANCHISE_ABSENTE"))
    for motif, reason in (*wrong, ("", "MOTIF_EXONERATION_REQUIS")):
        assert await refused(factures.Update(update(draft, motif_exoneration=motif))) == (INVALID, reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"taux_tva": 10}, "CHAMP_REQUIS"),
        ({"libelle": "x"}, "CHAMP_REQUIS"),
        ({"mode_montant": "HT"}, "CHAMP_REQUIS"),
        ({"montant": 1, "montants": [{"montant": 1, "taux_tva": 20}]}, "SAISIE_AMBIGUE"),
        ({"date_echeance": "demain"}, "DATE_INVALIDE"),
        ({"mode_paiement": "OR"}, "VALEUR_INCONNUE"),
        ({"client_id": "../x"}, "FORMAT_INVALIDE"),
        ({"notes": "é" * 5001}, "TROP_LONG"),
        ({"montant": 0}, "MONTANT_INVALIDE"),
    ],
)
async def test_R24_what_cannot_be_is_refused(
    made: Invoices, factures: InvoiceServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """And the draft stays as it is."""
    draft = await made.draft()
    assert await refused(factures.Update(update(draft, **fields))) == (INVALID, reason)
    assert await made.read(draft.id) == draft


async def test_R09_what_was_issued_is_neither_changed_nor_deleted(
    made: Invoices, factures: InvoiceServiceStub
) -> None:
    """A draft is deleted once."""
    facture = await made.issued()
    assert await refused(factures.Update(update(facture, notes="x"))) == LOCKED
    assert await refused(factures.Delete(pb.DeleteFactureRequest(id=facture.id))) == LOCKED
    draft = await made.draft(lignes=R3)
    answers = [await factures.Delete(pb.DeleteFactureRequest(id=draft.id)) for _ in range(2)]
    assert [one.success for one in answers] == [True, False]


async def test_R06_a_draft_is_issued_once(
    made: Invoices, factures: InvoiceServiceStub, mesh: Mesh, org: str
) -> None:
    """Of five calls at once one wins: one number, one event."""
    draft = await made.draft(montant=29.97)
    codes = await asyncio.gather(*(code_of(factures.Finalize(finalize(draft))) for _ in range(5)))
    assert sorted(codes, key=str) == [StatusCode.FAILED_PRECONDITION] * 4 + [StatusCode.OK]
    facture = await made.read(draft.id)
    assert (facture.statut, facture.numero[-6:], facture.montant_tva) == ("EMISE", "000001", 4.99)
    assert (await made.issued()).numero[-6:] == "000002"
    events = await mesh.published(InvoiceCreatedEvent, 2, where=lambda event: event.organisation_id == org)
    assert [event.invoice_id for event in events].count(draft.id) == 1


async def test_R07_invoices_follow_each_other(
    noon: datetime, made: Invoices, factures: InvoiceServiceStub, mesh: Mesh, org: str
) -> None:
    """Neither a day to come nor one before the last of the series; a refusal takes no number."""
    drafts = [await made.draft() for _ in range(4)]
    first = await factures.Finalize(finalize(drafts[0], "2026-01-10"))
    assert (first.numero, first.date_emission) == ("FAC2026000001", "2026-01-10")
    for day, reason in (("2026-01-23", "FUTURE"), ("2026-01-09", "ANTERIEURE")):
        told = (StatusCode.FAILED_PRECONDITION, f"DATE_EMISSION_{reason}")
        assert await refused(factures.Finalize(finalize(drafts[1], day))) == told
    second = await factures.Finalize(finalize(drafts[1], "2026-01-10"))
    assert (second.numero, (await made.issued()).numero) == ("FAC2026000002", "FAC2026000003")
    old = await factures.Finalize(finalize(drafts[2], "2025-12-31"))
    assert old.numero == "FAC2025000001"
    with clock.frozen_at(noon + timedelta(days=365)):
        stub = mesh.stub(InvoiceServiceStub, organisation=org)  # with a token of that day
        assert (await stub.Finalize(finalize(drafts[3]))).numero == "FAC2027000001"


async def test_R23_a_draft_of_nothing_is_not_issued(made: Invoices, factures: InvoiceServiceStub) -> None:
    """It stays a draft."""
    draft = await made.draft(lignes=[{"description": "x", "quantite": 1, "prix_unitaire": 0}])
    told = (StatusCode.FAILED_PRECONDITION, "FACTURE_NULLE")
    assert await refused(factures.Finalize(finalize(draft))) == told
    assert (await made.read(draft.id)).statut == "BROUILLON"
