"""Commissions of received payments, from the bus to the table (R1–R8, R11, R30)."""

from datetime import date
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub, BaremeCommissionServiceStub
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import CommissionAuditServiceStub
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.payments import payments_pb2
from db_utils import uuid7
from service_testing import Mesh
from tests.ventes import Ventes

MARS = date(2026, 3, 16)


async def test_R5_the_common_story(ventes: Ventes) -> None:
    """49.90 on 5 February is an INITIALE of 4.16; the second receipt a RECURRENCE of 1.25, month 2."""
    await ventes.bareme()
    apporteur = await ventes.apporteur()
    contrat = await ventes.contrat(apporteur)
    facture = await ventes.facture()
    await ventes.received(contrat, facture_id=facture)
    await ventes.received(contrat, facture_id=facture, jour=MARS)
    first, second = await ventes.rows(beneficiaire_id=apporteur)
    assert (first.reference, first.type, first.base_ht, first.montant) == (
        "COM-2026-02-000001",
        "INITIALE",
        41.58,
        4.16,
    )
    assert (first.date_encaissement, first.contrat_id, first.montant_encaisse, first.statut) == (
        "2026-02-05",
        contrat,
        49.90,
        "EN_ATTENTE",
    )
    assert (second.type, second.montant, second.numero_mois, second.periode) == (
        "RECURRENCE",
        1.25,
        2,
        "2026-03",
    )


@pytest.mark.parametrize(("jour", "paid"), [(date(2027, 1, 5), 2), (date(2027, 2, 5), 1)])
async def test_R5_the_recurrence_ends_after_its_months(ventes: Ventes, jour: date, paid: int) -> None:
    """Twelve months from February 2026 end with January 2027."""
    await ventes.bareme()
    contrat = await ventes.contrat(await ventes.apporteur())
    await ventes.received(contrat)
    await ventes.received(contrat, jour=jour)
    assert paid == len(await ventes.rows())


async def test_R1_a_payment_without_contract_leaves_a_note_alone(ventes: Ventes) -> None:
    """Also one of another system, which payments need not know."""
    payment = await ventes.received("")
    other = await ventes.received("contrat-123")
    assert await ventes.ignored(payment) == ["SANS_CONTRAT"]
    assert await ventes.ignored(other) == ["SANS_CONTRAT"]
    assert await ventes.rows() == []


@pytest.mark.parametrize(
    ("contrat", "raison"),
    [
        ({"commercial_id": ""}, "CONTRAT_SANS_APPORTEUR"),
        ({"commercial_id": "app-123"}, "CONTRAT_SANS_APPORTEUR"),
        ({"statut_initial": "BROUILLON", "date_signature": None}, "CONTRAT_NON_VALIDE"),
    ],
)
async def test_R1_a_contract_that_earns_nothing(ventes: Ventes, contrat: dict[str, Any], raison: str) -> None:
    """No apporteur, or no signature."""
    await ventes.bareme()
    payment = await ventes.received(
        await ventes.contrat(**{"commercial_id": await ventes.apporteur()} | contrat)
    )
    assert [raison] == await ventes.ignored(payment)
    assert await ventes.rows() == []


async def test_R1_an_apporteur_who_left_earns_no_more(ventes: Ventes) -> None:
    """What he had stays due."""
    await ventes.bareme()
    apporteur = await ventes.apporteur()
    contrat = await ventes.contrat(apporteur)
    await ventes.received(contrat)
    stub = ventes.stub(ApporteurServiceStub)
    await stub.Desactiver(commerciaux_pb2.DesactiverApporteurRequest(id=apporteur))
    later = await ventes.received(contrat, jour=MARS)
    assert await ventes.ignored(later) == ["CONTRAT_SANS_APPORTEUR"]
    assert [row.statut for row in await ventes.rows()] == ["EN_ATTENTE"]


async def test_R1_without_a_scale_nothing_is_due(ventes: Ventes) -> None:
    """Nobody guesses one."""
    payment = await ventes.received(await ventes.contrat(await ventes.apporteur()))
    assert await ventes.ignored(payment) == ["AUCUN_BAREME"]


async def test_R3_the_scale_is_that_of_the_day_of_the_receipt(ventes: Ventes) -> None:
    """A version of 1 March does not touch a receipt of 28 February that is handled later."""
    bareme = await ventes.bareme()
    change = commerciaux_pb2.UpdateBaremeRequest(
        id=bareme.id, taux_pourcentage=12, date_effet="2026-03-01", motif_modification="hausse"
    )
    await ventes.stub(BaremeCommissionServiceStub).Update(change)
    apporteur = await ventes.apporteur()
    for jour in (date(2026, 2, 28), date(2026, 3, 1)):
        await ventes.received(await ventes.contrat(apporteur), jour=jour)
    assert [(row.montant, row.bareme_version) for row in await ventes.rows()] == [(4.16, 1), (4.99, 2)]


async def test_R3_the_kind_of_product_chooses_the_scale(ventes: Ventes) -> None:
    """That of the contract, or of its first line."""
    await ventes.bareme()
    await ventes.bareme(type_produit="ASSURANCE", taux_pourcentage=20)
    apporteur, produit = await ventes.apporteur(), await ventes.produit("ASSURANCE")
    await ventes.received(await ventes.contrat(apporteur, produit_id=produit))
    line = contrats_pb2.LigneContratInput(produit_id=produit, prix_unitaire=49.90)
    await ventes.received(await ventes.contrat(apporteur, produit_id="", lignes=[line]))
    assert [(row.montant, row.type_produit) for row in await ventes.rows()] == [(8.32, "ASSURANCE")] * 2


async def test_R2_the_rate_of_the_product_stands_in_for_an_invoice(ventes: Ventes) -> None:
    """49.90 at 5.5 % are 47.30 without taxes."""
    await ventes.bareme()
    produit = await ventes.produit("SERVICE", taux_tva=5.5)
    await ventes.received(await ventes.contrat(await ventes.apporteur(), produit_id=produit))
    (row,) = await ventes.rows()
    assert (row.base_ht, row.montant) == (47.30, 4.73)


async def test_R2_a_partial_receipt_counts_for_what_it_is(ventes: Ventes) -> None:
    """20.00 of 49.90."""
    await ventes.bareme()
    facture = await ventes.facture()
    await ventes.received(await ventes.contrat(await ventes.apporteur()), facture_id=facture, montant=20)
    (row,) = await ventes.rows()
    assert row.base_ht == 16.67


async def test_R4_contract_and_invoice_are_asked_of_payments(ventes: Ventes) -> None:
    """An event may leave them out; the month is that of the receipt in Paris."""
    await ventes.bareme()
    contrat, facture = await ventes.contrat(await ventes.apporteur()), await ventes.facture()
    known = payments_pb2.Payment(id=str(uuid7()), contrat_id=contrat, facture_id=facture)
    ventes.payments.known[known.id] = known
    await ventes.received("", payment_id=known.id)
    (row,) = await ventes.rows()
    assert (row.contrat_id, row.facture_id, row.base_ht, row.periode) == (contrat, facture, 41.58, "2026-02")


async def test_R4_the_apporteur_is_the_one_named_when_the_money_came(ventes: Ventes) -> None:
    """A contract that is handed over leaves the earlier rows to the former one."""
    await ventes.bareme()
    first, second = await ventes.apporteur(), await ventes.apporteur()
    contrat = await ventes.contrat(first)
    await ventes.received(contrat)
    change = contrats_pb2.UpdateContratRequest(id=contrat, commercial_id=second)
    await ventes.stub(ContratServiceStub).Update(change)
    await ventes.received(contrat, jour=MARS)
    assert [(row.type, row.beneficiaire_id) for row in await ventes.rows()] == [
        ("INITIALE", first),
        ("RECURRENCE", second),
    ]


async def test_R6_after_the_termination_only_what_fell_due_before_it(ventes: Ventes) -> None:
    """By the due date of the invoice, whenever it is paid."""
    await ventes.bareme()
    contrat = await ventes.contrat(await ventes.apporteur())
    await ventes.received(contrat)
    await ventes.resilie(contrat, date(2026, 3, 10))
    facture = await ventes.facture(date_echeance="2026-12-20")
    late = await ventes.received(contrat, facture_id=facture, jour=date(2026, 3, 9))
    await ventes.received(contrat, jour=date(2026, 3, 10))
    assert await ventes.ignored(late) == ["APRES_RESILIATION"]
    assert [row.type for row in await ventes.rows()] == ["INITIALE", "RECURRENCE"]


async def test_R11_a_commission_is_split_and_keeps_its_own_shares(ventes: Ventes) -> None:
    """A later change of the scale does not touch what was split before."""
    bareme = await ventes.bareme(
        repartition_commercial=70, repartition_manager=20, repartition_agence=10, recurrence_active=False
    )
    manager = await ventes.apporteur(type_apporteur="MANAGER")
    apporteur = await ventes.apporteur(manager_id=manager)
    await ventes.received(await ventes.contrat(apporteur), montant=449.04)
    change = commerciaux_pb2.UpdateBaremeRequest(
        id=bareme.id,
        repartition_commercial=100,
        repartition_manager=0,
        repartition_agence=0,
        date_effet="2026-03-01",
        motif_modification="sans partage",
    )
    await ventes.stub(BaremeCommissionServiceStub).Update(change)
    await ventes.received(await ventes.contrat(apporteur), montant=449.04, jour=MARS)
    rows = {(row.periode, row.role): (row.beneficiaire_id, row.montant) for row in await ventes.rows()}
    assert rows == {
        ("2026-02", "COMMERCIAL"): (apporteur, 26.20),
        ("2026-02", "MANAGER"): (manager, 7.48),
        ("2026-02", "AGENCE"): ("", 3.74),
        ("2026-03", "COMMERCIAL"): (apporteur, 37.42),
    }


async def test_R30_the_journal_holds_the_figures(ventes: Ventes) -> None:
    """Base, rate, scale and version of each computation."""
    bareme = await ventes.bareme()
    payment = await ventes.received(await ventes.contrat(await ventes.apporteur()))
    (row,) = await ventes.rows()
    stub = ventes.stub(CommissionAuditServiceStub)
    for ref_id, scope in ((row.id, "COMMISSION"), (payment, "PAIEMENT")):
        (note,) = (await stub.List(pb.ListCommissionAuditRequest(ref_id=ref_id, scope=scope))).logs
        told = {name: note.apres[name] for name in ("base_ht", "taux", "montant", "bareme", "bareme_version")}
        assert told == {
            "base_ht": "41.58",
            "taux": "10.0",
            "montant": "4.16",
            "bareme": bareme.code,
            "bareme_version": 1,
        }
        assert (note.action, note.acteur) == ("CALCUL", "systeme")


async def test_R1_an_event_that_no_receipt_says_is_a_dead_letter(ventes: Ventes, mesh: Mesh) -> None:
    """Nothing was received."""
    event = ventes.event("", montant=0)
    await mesh.deliver(event, timeout=30)
    assert await mesh.dead_letters("commission", event) == [("InvalidEvent: MONTANT_INVALIDE", 1)]
