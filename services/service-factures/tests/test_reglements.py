"""Règlements and avoirs of invoices: what is owed, and the statut that follows (R18 to R22)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, code_of, refusal, refused
from tests.facturation import R3, Invoices, back, credit, paid

INVALID, FAILED = StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION


def standing(facture: pb.Facture) -> tuple[str, float, float]:
    """Statut, what is owed, what is too much."""
    return facture.statut, facture.solde, facture.trop_percu


async def test_R19_the_worked_example(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub
) -> None:
    """112.00: 50.00 paid, 12.00 credited, 60.00 paid, and those 60.00 taken back."""
    facture = await made.issued(lignes=R3)
    assert standing(facture) == ("EMISE", 112, 0)
    after = await payments.RegisterPayment(paid(facture, "pay-1", 50))
    assert standing(after) == ("PARTIELLEMENT_PAYEE", 62, 0)
    avoir = await factures.CreateCreditNote(credit(facture, montant=12))
    assert (avoir.type, avoir.statut, avoir.numero[:2], avoir.montant_ttc) == ("AVOIR", "EMISE", "AV", 12)
    assert (avoir.facture_origine_id, avoir.motif_avoir, avoir.solde) == (facture.id, "retour", 0)
    assert standing(await made.read(facture.id)) == ("PARTIELLEMENT_PAYEE", 50, 0)
    after = await payments.RegisterPayment(paid(facture, "pay-2", 60))
    assert standing(after) == ("PAYEE", 0, 10)
    assert after.HasField("payee_at")
    after = await payments.ReversePayment(back(facture, "pay-2", "k"))
    assert standing(after) == ("PARTIELLEMENT_PAYEE", 50, 0)
    assert not after.HasField("payee_at")
    assert [(one.payment_id, one.montant, one.montant_annule) for one in after.reglements] == [
        ("pay-1", 50, 0),
        ("pay-2", 60, 60),
    ]
    assert [one.numero for one in after.avoirs] == [avoir.numero]
    assert await made.read(facture.id) == after


async def test_R20_a_payment_counts_once(made: Invoices, payments: InvoiceServiceStub) -> None:
    """Also when it is told ten times at once; another amount is refused."""
    facture = await made.issued()
    answers = await asyncio.gather(
        *(payments.RegisterPayment(paid(facture, "pay-1", 400)) for _ in range(10))
    )
    assert {standing(one) for one in answers} == {("PARTIELLEMENT_PAYEE", 600, 0)}
    other = payments.RegisterPayment(paid(facture, "pay-1", 401))
    assert await refused(other) == (StatusCode.ALREADY_EXISTS, "REGLEMENT_DIFFERENT")


async def test_R20_two_refunds_of_one_payment_are_two_keys(
    made: Invoices, payments: InvoiceServiceStub
) -> None:
    """The same key again changes nothing, another content under it is refused."""
    facture = await made.issued(montant=100)
    await payments.RegisterPayment(paid(facture, "pay-1", 100))
    for key in ("a", "b", "a"):
        after = await payments.ReversePayment(back(facture, "pay-1", key, montant=20))
    assert standing(after) == ("PARTIELLEMENT_PAYEE", 40, 0)
    reused = payments.ReversePayment(back(facture, "pay-1", "a", montant=21))
    assert await refused(reused) == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
    more = payments.ReversePayment(back(facture, "pay-1", "c", montant=60.01))
    assert await refused(more) == (INVALID, "ANNULATION_TROP_ELEVEE")
    for key in ("d", "e"):  # the second finds nothing left
        after = await payments.ReversePayment(back(facture, "pay-1", key))
    assert standing(after) == ("EMISE", 100, 0)
    unknown = payments.ReversePayment(back(facture, "pay-2", "f"))
    assert (await refused(unknown))[0] == StatusCode.NOT_FOUND


async def test_R20_only_issued_invoices_are_paid(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub
) -> None:
    """Neither drafts nor avoirs, and by services alone."""
    facture = await made.issued()
    avoir = await factures.CreateCreditNote(credit(facture, montant=1))
    for one in (await made.draft(), avoir):
        call = payments.RegisterPayment(paid(one, "pay-1", 1))
        assert await refused(call) == (FAILED, "FACTURE_NON_REGLABLE")
    user = factures.RegisterPayment(paid(facture, "pay-1", 1))
    assert await refused(user) == (StatusCode.PERMISSION_DENIED, "APPEL_INTERNE_SEULEMENT")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"montant": 0}, "MONTANT_INVALIDE"),
        ({"montant": -1}, "MONTANT_INVALIDE"),
        ({"date_reception": ""}, "CHAMP_REQUIS"),
        ({"date_reception": "2026-02-30"}, "DATE_INVALIDE"),
        ({"moyen": "OR"}, "VALEUR_INCONNUE"),
        ({"payment_id": ""}, "CHAMP_REQUIS"),
    ],
)
async def test_R20_what_is_no_payment_is_refused(
    made: Invoices, payments: InvoiceServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """With INVALID_ARGUMENT."""
    told: dict[str, Any] = {"facture_id": (await made.issued()).id, "payment_id": "p", "montant": 1.0}
    told |= {"date_reception": "2026-02-05"} | fields
    assert await refused(payments.RegisterPayment(pb.RegisterPaymentRequest(**told))) == (INVALID, reason)


async def test_R20_a_payment_does_not_come_tomorrow(
    noon: datetime, made: Invoices, mesh: Mesh, org: str
) -> None:
    """Today and before the issue it may, and after midnight by a clock that is a little ahead."""
    facture = await made.issued()
    payments = mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=org)
    for rang, day in enumerate(("2026-01-01", "2026-01-22")):
        await payments.RegisterPayment(paid(facture, f"pay-{rang}", 1, date_reception=day))
    for day in ("2026-01-23", "2027-01-22"):
        told = await refusal(payments.RegisterPayment(paid(facture, "late", 1, date_reception=day)))
        assert (told.code, told.reason) == (INVALID, "DATE_RECEPTION_FUTURE")
        bounds = "champ : date_reception ; au plus tard : 2026-01-22"
        assert told.message == f"Un paiement ne se reçoit pas après aujourd'hui ({bounds})."
    with clock.frozen_at(datetime(2026, 1, 22, 22, 57, tzinfo=UTC)):  # three minutes to midnight in Paris
        payments = mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=org)
        await payments.RegisterPayment(paid(facture, "ahead", 1, date_reception="2026-01-23"))


async def test_R21_two_halves_make_the_whole(made: Invoices, factures: InvoiceServiceStub) -> None:
    """Avoirs of 56.00 and of the rest; then the invoice is ANNULEE and nothing is left."""
    facture = await made.issued(lignes=R3)
    first = await factures.CreateCreditNote(credit(facture, montant=56))
    second = await factures.CreateCreditNote(credit(facture))
    assert (first.montant_ht, first.montant_tva) == (50.05, 5.95)
    assert (second.montant_ht, second.montant_tva, second.montant_ttc) == (50.06, 5.94, 56)
    assert standing(await made.read(facture.id)) == ("ANNULEE", 0, 0)
    again = factures.CreateCreditNote(credit(facture))
    assert await refused(again) == (FAILED, "AVOIR_IMPOSSIBLE")


async def test_R21_lines_are_credited_up_to_their_quantity(
    made: Invoices, factures: InvoiceServiceStub
) -> None:
    """One of two books, then the other: together what the line came to, 24.70 + 1.36."""
    facture = await made.issued(lignes=R3)
    book = facture.lignes[3]
    half = credit(facture, lignes=[{"ligne_id": book.id, "quantite": 1}])
    first = await factures.CreateCreditNote(half)
    assert (first.montant_ht, first.montant_tva) == (12.35, 0.68)
    assert first.lignes[0].ligne_origine_id == book.id
    second = await factures.CreateCreditNote(half)
    assert (second.montant_ht, second.montant_tva) == (12.35, 0.68)
    assert await refused(factures.CreateCreditNote(half)) == (INVALID, "QUANTITE_TROP_ELEVEE")
    whole = await factures.CreateCreditNote(credit(facture))
    assert (whole.montant_ht, whole.montant_tva) == (75.41, 10.53)


async def test_R21_an_avoir_of_all_repeats_the_lines(made: Invoices, factures: InvoiceServiceStub) -> None:
    """With the VAT of the invoice, even where R2 would give another."""
    facture = await made.issued(montant=29.97)
    avoir = await factures.CreateCreditNote(credit(facture))
    assert (avoir.montant_ht, avoir.montant_tva) == (24.98, 4.99)
    assert [one.description for one in avoir.lignes] == ["Prestation"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"motif": ""}, "CHAMP_REQUIS"),
        ({"motif": "x" * 501}, "TROP_LONG"),
        ({"montant": 0}, "MONTANT_INVALIDE"),
        ({"montant": 1000.01}, "AVOIR_TROP_ELEVE"),
        ({"montant": 1, "lignes": [{"ligne_id": "x", "quantite": 1}]}, "AVOIR_AMBIGU"),
        ({"lignes": [{"ligne_id": "x", "quantite": 1}]}, "LIGNE_INCONNUE"),
    ],
)
async def test_R21_what_cannot_be_credited_is_refused(
    made: Invoices, factures: InvoiceServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """With INVALID_ARGUMENT; no number is taken."""
    facture = await made.issued()
    assert await refused(factures.CreateCreditNote(credit(facture, **fields))) == (INVALID, reason)
    assert (await factures.CreateCreditNote(credit(facture, montant=1))).numero.endswith("000001")


async def test_R21_drafts_and_avoirs_are_not_credited(made: Invoices, factures: InvoiceServiceStub) -> None:
    """Only issued invoices are."""
    avoir = await factures.CreateCreditNote(credit(await made.issued(), montant=1))
    for one in (await made.draft(), avoir):
        assert await refused(factures.CreateCreditNote(credit(one))) == (FAILED, "AVOIR_IMPOSSIBLE")


async def test_R21_a_key_makes_one_avoir(made: Invoices, factures: InvoiceServiceStub) -> None:
    """Ten calls at once; another content is refused; an invoice may have the same key."""
    facture = await made.issued(idempotency_key="k")
    request = credit(facture, montant=10, idempotency_key="k")
    avoirs = await asyncio.gather(*(factures.CreateCreditNote(request) for _ in range(10)))
    assert len({one.id for one in avoirs}) == 1
    other = factures.CreateCreditNote(credit(facture, montant=11, idempotency_key="k"))
    assert await refused(other) == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


async def test_R21_avoirs_at_once_do_not_pass_the_invoice(
    made: Invoices, factures: InvoiceServiceStub
) -> None:
    """Of two of 600 on 1000 one is refused."""
    facture = await made.issued()
    calls = [code_of(factures.CreateCreditNote(credit(facture, montant=600))) for _ in range(2)]
    assert sorted(await asyncio.gather(*calls), key=str) == [INVALID, StatusCode.OK]


async def test_R18_payments_and_avoirs_at_once_add_up(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub
) -> None:
    """Ten of each on one invoice: none is lost."""
    facture = await made.issued()
    calls: list[Any] = [payments.RegisterPayment(paid(facture, f"pay-{rang}", 30)) for rang in range(10)]
    calls += [factures.CreateCreditNote(credit(facture, montant=20)) for _ in range(10)]
    await asyncio.gather(*calls)
    after = await made.read(facture.id)
    assert (after.montant_regle, after.montant_avoirs, after.solde) == (300, 200, 500)


async def test_R22_an_avoir_on_a_paid_invoice_leaves_too_much(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub
) -> None:
    """Which payments refunds: then the invoice is undone."""
    facture = await made.issued(montant=100)
    await payments.RegisterPayment(paid(facture, "pay-1", 100))
    await factures.CreateCreditNote(credit(facture))
    assert standing(await made.read(facture.id)) == ("PAYEE", 0, 100)
    after = await payments.ReversePayment(back(facture, "pay-1", "k"))
    assert standing(after) == ("ANNULEE", 0, 0)


async def test_R18_a_payment_of_an_undone_invoice_is_kept(
    made: Invoices, factures: InvoiceServiceStub, payments: InvoiceServiceStub
) -> None:
    """All of it is too much, and the statut stays."""
    facture = await made.issued(montant=100)
    await factures.CreateCreditNote(credit(facture))
    after = await payments.RegisterPayment(paid(facture, "pay-1", 100))
    assert standing(after) == ("ANNULEE", 0, 100)
