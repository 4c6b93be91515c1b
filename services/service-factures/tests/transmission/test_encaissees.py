"""The status 212 Encaissée: which receipts owe it, and what it says (R40, R41)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub
from db_utils import clock
from tests.facturation import R3, SAVED, Invoices, credit, save
from tests.transmission.comptable import Comptable, at

Issue = Callable[..., Awaitable[pb.Facture]]
pytestmark = pytest.mark.usefixtures("noon")


async def test_R40_each_receipt_is_told_by_rate(comptable: Comptable, sold: Issue) -> None:
    """What R39 has split, in a message of its own for each receipt; what is paid too much is not told."""
    facture = await sold(lignes=R3)
    await comptable.pay(facture, "pay-1", 50.0)
    await comptable.pay(facture, "pay-2", 70.0)
    assert await comptable.told(facture) == [
        at(r20="16.02", r10="22.34", r5_5="11.64"),
        at(r20="19.87", r10="27.71", r5_5="14.42"),
    ]
    assert [one.rang for one in await comptable.cycles(facture)] == [1, 2]


async def test_R40_a_receipt_of_too_much_alone_is_not_told(comptable: Comptable, sold: Issue) -> None:
    """It is split over no rate."""
    facture = await sold(montant=100.0)
    await comptable.pay(facture, "pay-1", 100.0)
    await comptable.pay(facture, "pay-2", 20.0)
    assert await comptable.told(facture) == [at(r20="100.00")]


async def test_R41_what_is_taken_back_is_told_once(comptable: Comptable, sold: Issue) -> None:
    """As negative amounts; the same call again owes nothing more (R20)."""
    facture = await sold(montant=49.9)
    for _ in range(2):
        await comptable.pay(facture, "pay-1", 49.9)
    for _ in range(2):
        await comptable.take_back(facture, "pay-1", "retour-1")
    assert await comptable.told(facture) == [at(r20="49.90"), at(r20="-49.90")]
    assert [one.sens for one in await comptable.cycles(facture)] == ["ENCAISSEMENT", "ANNULATION"]


async def test_R41_the_common_story_with_a_company(comptable: Comptable, sold: Issue) -> None:
    """Received on 5 February, back on 20 March."""
    facture = await sold(montant=49.9)
    with clock.frozen_at(datetime(2026, 2, 5, 9, tzinfo=UTC)):
        await comptable.pay(facture, "pay-1", 49.9, date_reception="2026-02-05")
    with clock.frozen_at(datetime(2026, 3, 20, 9, tzinfo=UTC)):
        await comptable.take_back(facture, "pay-1", "retour-1")
    received, returned = await comptable.cycles(facture)
    assert await comptable.told(facture) == [at(r20="49.90"), at(r20="-49.90")]
    assert b'<udt:DateTimeString format="102">20260205</udt:DateTimeString>' in received.cdar
    assert b'<udt:DateTimeString format="102">20260320</udt:DateTimeString>' in returned.cdar


async def test_R41_what_an_avoir_moves_between_rates_is_told(comptable: Comptable, sold: Issue) -> None:
    """One message with both signs."""
    lines = [
        {"description": "Conseil", "quantite": 1, "prix_unitaire": 50, "taux_tva": 20},
        {"description": "Repas", "quantite": 1, "prix_unitaire": 50, "taux_tva": 10},
    ]
    facture = await sold(lignes=lines)
    await comptable.pay(facture, "pay-1", 57.5)
    ligne_id = facture.lignes[0].id
    await comptable.factures.CreateCreditNote(
        credit(facture, lignes=[pb.LigneAvoirInput(ligne_id=ligne_id, quantite=1)])
    )
    received, moved = await comptable.told(facture)
    assert received == at(r20="30.00", r10="27.50")
    assert moved == at(r20="-27.50", r10="27.50")  # the 2.50 that are too much now stay where they were


@pytest.mark.parametrize(
    "fields",
    [
        {"nature_operation": "BIENS"},
        {"traitement": "B2C"},
        {"traitement": "B2BINT"},
        {"traitement": "OUTOFSCOPE"},
        {
            "lignes": [{"description": "x", "quantite": 1, "prix_unitaire": 10}],
            "motif_exoneration": "HORS_CHAMP",
        },
    ],
)
async def test_R40_other_receipts_are_not_told(
    fields: dict[str, Any], comptable: Comptable, sold: Issue
) -> None:
    """Goods, and what is reported otherwise or not at all."""
    lines = [line | {"taux_tva": 0} for line in fields.get("lignes", [])]
    facture = await sold(**fields | ({"lignes": lines} if lines else {}))
    await comptable.pay(facture, "pay-1", 10.0)
    assert await comptable.told(facture) == []


async def test_R40_reverse_charge_is_not_told(comptable: Comptable, sold: Issue) -> None:
    """The buyer owes the VAT."""
    line = {"description": "Chantier", "quantite": 1, "prix_unitaire": 100, "taux_tva": 0}
    facture = await sold(lignes=[line], motif_exoneration="AUTOLIQUIDATION")
    await comptable.pay(facture, "pay-1", 100.0)
    assert await comptable.told(facture) == []


async def test_R40_an_exempt_rate_is_told_at_zero(
    comptable: Comptable, sold: Issue, reglages: FactureSettingsServiceStub
) -> None:
    """As of a société in franchise."""
    facture_before = await sold(montant=10.0)
    await reglages.Save(save(franchise_tva=True))
    facture = await sold(montant=100.0)
    await comptable.pay(facture, "pay-1", 100.0)
    assert await comptable.told(facture) == [at(r0="100.00")]
    assert await comptable.told(facture_before) == []


async def test_R40_mixed_operations_are_told(comptable: Comptable, sold: Issue) -> None:
    """As services are."""
    facture = await sold(montant=120.0, nature_operation="MIXTE")
    await comptable.pay(facture, "pay-1", 120.0)
    assert await comptable.told(facture) == [at(r20="120.00")]


async def test_R40_the_option_for_debits_needs_no_status(
    comptable: Comptable, sold: Issue, reglages: FactureSettingsServiceStub
) -> None:
    """As it was when the invoice was issued."""
    with_option = await _after(reglages, sold, option_debits=True)
    without = await _after(reglages, sold, option_debits=False)
    await comptable.pay(with_option, "pay-1", 10.0)
    await comptable.pay(without, "pay-1", 10.0)
    assert (await comptable.told(with_option), await comptable.told(without)) == ([], [at(r20="10.00")])


async def _after(reglages: FactureSettingsServiceStub, sold: Issue, **settings: Any) -> pb.Facture:
    await sold(montant=1.0)  # which saves the settings of the société
    await reglages.Save(save(**settings))
    return await sold(montant=10.0)


async def test_R40_what_was_received_before_the_invoice_was_to_be_sent_is_told_then(
    comptable: Comptable, made: Invoices, sold: Issue, reglages: FactureSettingsServiceStub
) -> None:
    """Before it is sent on one's own will, nothing is."""
    client = (await sold()).client_id
    await reglages.Save(save(**SAVED, emission_obligatoire_le="2027-09-01"))
    facture = await made.issued(client_id=client, montant=100.0)
    await comptable.pay(facture, "pay-1", 60.0)
    await comptable.take_back(facture, "pay-1", "retour-1", montant=10.0)
    assert await comptable.told(facture) == []
    for _ in range(2):
        await comptable.transmissions.Transmit(pb.TransmitRequest(facture_id=facture.id))
    assert await comptable.told(facture) == [at(r20="60.00"), at(r20="-10.00")]
