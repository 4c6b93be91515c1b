"""Receipts by rate as RegisterPayment, ReversePayment and avoirs write them (R39, R41)."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Scope, within
from psycopg.errors import RaiseException
from service_factures.encaissement_models import EncaissementTva
from service_factures.lecture import ENCAISSEMENTS
from service_factures.service import SERVICE
from service_testing import Mesh
from service_testing.upgrades import Upgrade
from sqlalchemy import delete, update
from tests.facturation import R3, Invoices, back, credit, paid

_HALVES: list[dict[str, Any]] = [
    {"montant": 60, "taux_tva": 20},
    {"montant": 60, "taux_tva": 10},
]


pytestmark = pytest.mark.usefixtures("noon")


class Received:
    """Reader of the rows of an invoice."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self._mesh, self._org = mesh, org

    async def rows(self, facture: pb.Facture) -> Sequence[EncaissementTva]:
        """All rows, in their order."""
        with within(Scope(self._org)):
            return await self._mesh.database("factures").read().all(ENCAISSEMENTS, facture_id=facture.id)

    async def by_act(self, facture: pb.Facture) -> list[dict[float, float]]:
        """What each act has moved, by rate."""
        acts: dict[object, dict[float, float]] = {}
        for row in await self.rows(facture):
            acts.setdefault(row.mouvement, {})[float(row.taux)] = float(row.montant)
        return list(acts.values())


@pytest.fixture
def received(mesh: Mesh, org: str) -> Received:
    """Reader of receipts of the organisation."""
    return Received(mesh, org)


async def test_R39_the_worked_example(
    made: Invoices, payments: InvoiceServiceStub, received: Received
) -> None:
    """50.00 and then all of the rest of R3, each rate on the day of the receipt."""
    facture = await made.issued(lignes=R3)
    await payments.RegisterPayment(paid(facture, "pay-1", 50))
    await payments.RegisterPayment(paid(facture, "pay-2", 62, date_reception="2026-01-20"))
    await payments.RegisterPayment(paid(facture, "pay-2", 62, date_reception="2026-01-20"))
    assert await received.by_act(facture) == [
        {20: 16.02, 10: 22.34, 5.5: 11.64},
        {20: 19.87, 10: 27.71, 5.5: 14.42},
    ]
    rows = await received.rows(facture)
    assert {(row.categorie, row.date.isoformat()) for row in rows} == {
        ("S", "2026-01-05"),
        ("S", "2026-01-20"),
    }


async def test_R41_what_was_too_much_goes_first(
    made: Invoices, payments: InvoiceServiceStub, received: Received
) -> None:
    """60.00 on 50.00 owed are 10.00 too much; they are at no rate, and the same key takes nothing more."""
    facture = await made.issued(lignes=R3)
    await payments.RegisterPayment(paid(facture, "pay-1", 62))
    await payments.RegisterPayment(paid(facture, "pay-2", 60))
    for key, montant in (("a", 10), ("b", 50), ("b", 50)):
        await payments.ReversePayment(back(facture, "pay-2", key, montant=montant))
    first, second, third = await received.by_act(facture)
    assert third == {rate: -amount for rate, amount in second.items()}
    assert sum(map(Decimal, map(str, first.values()))) == 62
    assert {row.date.isoformat() for row in (await received.rows(facture))[-3:]} == {"2026-01-22"}


async def test_R39_an_avoir_moves_receipts_to_the_rate_still_owed(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub, received: Received
) -> None:
    """Half of two rates is paid, one of them is credited: the money is of the other one."""
    facture = await made.issued(montants=_HALVES)
    await payments.RegisterPayment(paid(facture, "pay-1", 60))
    lignes = [{"ligne_id": facture.lignes[0].id, "quantite": 1}]
    await factures.CreateCreditNote(credit(facture, lignes=lignes))
    assert await received.by_act(facture) == [{20: 30, 10: 30}, {20: -30, 10: 30}]
    assert (await made.read(facture.id)).statut == "PAYEE"


async def test_R41_a_refund_after_an_avoir_is_of_the_credited_rate(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub, received: Received
) -> None:
    """All is paid; the refund is of the rate that was credited."""
    facture = await made.issued(montants=_HALVES)
    await payments.RegisterPayment(paid(facture, "pay-1", 120))
    lignes = [{"ligne_id": facture.lignes[0].id, "quantite": 1}]
    await factures.CreateCreditNote(credit(facture, lignes=lignes))
    await payments.ReversePayment(back(facture, "pay-1", "refund", montant=60))
    assert await received.by_act(facture) == [{20: 60, 10: 60}, {20: -60}]


async def test_R39_a_payment_of_an_undone_invoice_is_at_no_rate(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub, received: Received
) -> None:
    """Nor is its refund."""
    facture = await made.issued()
    await factures.CreateCreditNote(credit(facture))
    await payments.RegisterPayment(paid(facture, "pay-1", 1000))
    await payments.ReversePayment(back(facture, "pay-1", "refund"))
    assert await received.rows(facture) == []


async def test_R39_receipts_at_once_come_to_what_each_rate_is(
    made: Invoices, payments: InvoiceServiceStub, received: Received
) -> None:
    """Seven payments of 16.00 of R3, told at the same time."""
    facture = await made.issued(lignes=R3)
    await asyncio.gather(*(payments.RegisterPayment(paid(facture, f"pay-{rang}", 16)) for rang in range(7)))
    sums: dict[float, Decimal] = {}
    for row in await received.rows(facture):
        sums[float(row.taux)] = sums.get(float(row.taux), Decimal(0)) + row.montant
    assert sums == {20: Decimal("35.89"), 10: Decimal("50.05"), 5.5: Decimal("26.06")}


async def test_R39_receipts_and_avoirs_at_once_leave_no_rate_open(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub, received: Received
) -> None:
    """Five of each on R3, then what is still owed: each rate has received what avoirs have left of it."""
    facture = await made.issued(lignes=R3)
    await asyncio.gather(
        *(payments.RegisterPayment(paid(facture, f"pay-{rang}", 7)) for rang in range(5)),
        *(factures.CreateCreditNote(credit(facture, montant=11)) for _ in range(5)),
    )
    after = await made.read(facture.id)
    await payments.RegisterPayment(paid(facture, "last", after.solde))
    left = {one.taux: _cents(one.base_ht + one.montant_tva) for one in facture.ventilation_tva}
    for avoir in after.avoirs:
        for one in (await made.read(avoir.id)).ventilation_tva:
            left[one.taux] -= _cents(one.base_ht + one.montant_tva)
    for row in await received.rows(facture):
        left[float(row.taux)] -= _cents(float(row.montant))
    assert left == {20: 0, 10: 0, 5.5: 0}


def _cents(amount: float) -> int:
    return round(amount * 100)


async def test_R39_receipts_are_never_changed(
    mesh: Mesh, org: str, made: Invoices, payments: InvoiceServiceStub
) -> None:
    """The database refuses it."""
    await payments.RegisterPayment(paid(await made.issued(), "pay-1", 1))
    database = mesh.database("factures")
    with within(Scope(org)):
        for statement in (delete(EncaissementTva), update(EncaissementTva).values(montant=2)):
            with pytest.raises(RaiseException, match="append-only"):
                async with database.transaction() as tx:
                    await tx.execute(statement)


def test_R39_earlier_reglements_are_split_by_the_migration(tmp_path: Path) -> None:
    """What is left of them, over what avoirs have left of each rate, the rest of an overpayment at none."""
    with Upgrade(SERVICE, "0005", tmp_path) as upgrade:
        upgrade.connection.execute(_EARLIER)
        upgrade.run()
        rows = upgrade.connection.execute(
            "SELECT taux, categorie, montant, date::text FROM encaissement_tva ORDER BY id"
        ).fetchall()
    assert rows == [
        (20, "S", Decimal("16.02"), "2026-01-05"),
        (10, "S", Decimal("22.34"), "2026-01-05"),
        (Decimal("5.5"), "S", Decimal("11.64"), "2026-01-05"),
        (20, "S", Decimal("19.87"), "2026-01-06"),
        (10, "S", Decimal("27.71"), "2026-01-06"),
        (Decimal("5.5"), "S", Decimal("14.42"), "2026-01-06"),
    ]


_EARLIER = """
INSERT INTO facture (id, organisation_id, societe_id, client_id, type, statut, numero, date_emission,
    conditions_paiement, mode_paiement, nature_operation, recapitulative, montant_ht, montant_tva,
    montant_ttc, montant_regle, montant_avoirs, solde, trop_percu, identite_statut, avertissements,
    updated_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'org', '', 'client-123', 'FACTURE', 'PAYEE', 'FAC2026000001',
    '2026-01-01', 'J30', 'VIREMENT', 'SERVICES', false, 100.11, 11.89, 112, 130, 0, 0, 18, 'A_COMPLETER',
    '{}', now());
INSERT INTO facture_tva (facture_id, taux, categorie, base_ht, montant_tva, organisation_id)
SELECT '00000000-0000-7000-8000-000000000001', taux, 'S', base, tva, 'org'
FROM (VALUES (20, 29.91, 5.98), (10, 45.50, 4.55), (5.5, 24.70, 1.36)) AS parts (taux, base, tva);
INSERT INTO reglement (id, facture_id, payment_id, montant, montant_annule, date_reception, moyen,
    organisation_id, created_at, updated_at)
SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000001', jour::text, montant, annule, jour, 'CARTE',
    'org', jour, jour
FROM (VALUES ('2026-01-05'::date, 50, 0), ('2026-01-06', 90, 10), ('2026-01-07', 5, 5))
    AS paid (jour, montant, annule)
"""
