"""Emission runs against the real calendar and the real factures."""

from datetime import date
from decimal import Decimal

import pytest
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, SepaServiceStub
from grpc import StatusCode
from service_testing import Mesh, refusal
from tests.debits_due import Debits, content_of, texts
from tests.sample_debits import IBAN, OUR_IBAN

DUE = pb.EmitDueRequest(societe_id="soc-1")
pytestmark = pytest.mark.usefixtures("at_six")


async def test_R14_R17_a_due_debit_goes_to_the_bank(due: Debits, sepa: SepaServiceStub) -> None:
    """Story A: 49.90 on 5 February, RCUR, in a file of 3 February; the payment knows its file."""
    await due.creancier()
    mandat = await due.mandat()
    facture = await due.facture()
    echeance = await due.echeance()
    payment = await due.payment(
        facture_id=facture.id, schedule_id=echeance.echeancier_id, echeance_id=echeance.id
    )
    emitted = await due.emit()
    (remise,) = emitted.remises
    assert (emitted.nb_soumis, list(emitted.bloques)) == (1, [])
    assert (remise.schema, remise.nb, remise.total, remise.date_remise) == ("CORE", 1, 49.90, "2026-02-03")
    assert (remise.societe_id, remise.statut) == ("soc-1", "GENEREE")
    content = await content_of(sepa, remise)
    assert texts(content, ".//p:ReqdColltnDt") == ["2026-02-05"]
    assert texts(content, ".//p:SeqTp") == ["RCUR"]
    assert texts(content, ".//p:EndToEndId") == [payment.end_to_end_id]
    assert texts(content, ".//p:Ustrd") == [f"Facture {facture.numero}"]
    assert texts(content, ".//p:IBAN") == [OUR_IBAN, IBAN]
    read = await due.read(payment)
    assert (read.statut, str(read.remise_id), read.pmt_inf_id) == (
        "SUBMITTED",
        remise.id,
        f"{remise.msg_id}-001",
    )
    assert (str(read.mandat_id), read.sequence_sepa, read.version) == (mandat.id, "RCUR", 2)
    assert (await due.read(echeance)).statut == "EN_COURS"
    (owed,) = [one.charge for one in await due.owed() if one.type == "statut_prelevement"]
    assert (owed["schedule_id"], owed["rang"]) == (str(echeance.echeancier_id), 1)
    assert (owed["statut"], owed["date_reelle"]) == ("PROCESSING", "2026-02-05")


async def test_R14_a_debit_that_was_emitted_is_not_emitted_again(due: Debits, sepa: SepaServiceStub) -> None:
    """A second run finds nothing, and the first file stays as it is."""
    await due.creancier()
    await due.mandat()
    await due.payment()
    (remise,) = (await due.emit()).remises
    content = await content_of(sepa, remise)
    assert not (await due.emit()).remises
    assert (await sepa.ListRemises(pb.ListRemisesRequest(societe_id="soc-1"))).remises == [remise]
    assert await content_of(sepa, remise) == content


@pytest.mark.parametrize(
    ("today", "debit", "collected"),
    [
        ("2026-02-02", "2026-02-05", None),
        ("2026-02-03", "2026-02-05", "2026-02-05"),
        ("2026-03-31", "2026-04-07", None),
        ("2026-04-01", "2026-04-07", "2026-04-07"),
        ("2026-07-01", "2026-07-06", None),
        ("2026-07-02", "2026-07-06", "2026-07-06"),
        ("2026-03-04", "2026-03-05", "2026-03-06"),
        ("2026-02-07", "2026-02-07", "2026-02-10"),
    ],
)
async def test_R14_a_file_is_handed_over_two_business_days_before_the_debit(
    due: Debits, sepa: SepaServiceStub, today: str, debit: str, collected: str | None
) -> None:
    """One day earlier nothing goes; a debit that is late moves to the first day that can be reached."""
    await due.creancier()
    await due.mandat()
    payment = await due.payment(date_prelevement=date.fromisoformat(debit))
    emitted = await due.emit(date=today)
    assert emitted.nb_soumis == (1 if collected else 0)
    read = await due.read(payment)
    assert read.date_prelevement == date.fromisoformat(collected or debit)
    late = f"EMISSION, prévue le {date.fromisoformat(debit):%d/%m/%Y}" if collected != debit else "EMISSION"
    assert await due.causes(payment) == ([late] if collected else [])


async def test_R15_debits_that_cannot_go_are_told_and_looked_at_again(
    due: Debits, sepa: SepaServiceStub, mandats: MandateServiceStub
) -> None:
    """Without a creditor none goes, without a mandate the client's does not; later both do."""
    echeance = await due.echeance()
    payment = await due.payment(echeance_id=echeance.id, schedule_id=echeance.echeancier_id)
    for motif in ("CREANCIER_ABSENT", "MANDAT_ABSENT"):
        emitted = await due.emit()
        assert [(one.payment_id, one.motif) for one in emitted.bloques] == [(str(payment.id), motif)]
        assert (await due.read(payment)).statut == "PENDING"
        assert (await due.read(echeance)).statut == "BLOQUEE"
        await due.creancier()
    await due.mandat()
    assert (await due.emit()).nb_soumis == 1
    assert (await due.read(echeance)).statut == "EN_COURS"


async def test_R15_a_paused_schedule_holds_its_debits(due: Debits, sepa: SepaServiceStub) -> None:
    """They stay PENDING."""
    await due.creancier()
    await due.mandat()
    echeance = await due.echeance(schedule_statut="PAUSED")
    payment = await due.payment(echeance_id=echeance.id, schedule_id=echeance.echeancier_id)
    emitted = await due.emit()
    assert [one.motif for one in emitted.bloques] == ["SCHEDULE_PAUSED"]
    assert (await due.read(payment)).statut == "PENDING"


async def test_R16_an_invoice_that_was_paid_is_not_debited(due: Debits, sepa: SepaServiceStub) -> None:
    """The payment is CANCELLED and its échéance PAYEE."""
    await due.creancier()
    await due.mandat()
    facture, echeance = await due.facture(), await due.echeance()
    await due.paid(facture, 49.90)
    payment = await due.payment(facture_id=facture.id, echeance_id=echeance.id)
    emitted = await due.emit()
    assert (emitted.nb_soumis, list(emitted.bloques)) == (0, [])
    assert (await due.read(payment)).statut == "CANCELLED"
    assert (await due.read(echeance)).statut == "PAYEE"


async def test_R9_a_schedule_whose_last_invoice_was_paid_is_completed(
    due: Debits, sepa: SepaServiceStub
) -> None:
    """However the money came."""
    await due.creancier()
    await due.mandat()
    facture, echeance = await due.facture(), await due.echeance()
    await due.paid(facture, 49.90)
    planned = {"echeance_id": echeance.id, "schedule_id": echeance.echeancier_id}
    await due.payment(facture_id=facture.id, **planned)
    await due.emit()
    assert (await due.schedule(echeance)).statut == "COMPLETED"


async def test_R16_no_more_is_debited_than_is_owed(due: Debits, sepa: SepaServiceStub) -> None:
    """Of two debits of one invoice the second waits for the outcome of the first."""
    await due.creancier()
    await due.mandat()
    facture = await due.facture()
    await due.paid(facture, 29.90)
    first, second = await due.payments(2, facture_id=facture.id)
    emitted = await due.emit()
    assert (emitted.nb_soumis, emitted.remises[0].total) == (1, 20.00)
    assert (await due.read(first)).montant == Decimal("20.00")
    assert (await due.read(second)).statut == "PENDING"
    assert (await due.emit()).nb_soumis == 0


async def test_R16_while_factures_is_away_a_debit_waits(
    mesh: Mesh, due: Debits, sepa: SepaServiceStub
) -> None:
    """Others, which need no invoice, go."""
    await due.creancier()
    await due.mandat()
    facture = await due.facture()
    waiting, free = await due.payment(facture_id=facture.id), await due.payment()
    async with mesh.without("factures"):
        assert (await due.emit()).nb_soumis == 1
    assert (await due.read(waiting)).statut == "PENDING"
    assert (await due.read(free)).statut == "SUBMITTED"


async def test_R14_while_the_calendar_is_away_nothing_is_emitted(
    mesh: Mesh, due: Debits, sepa: SepaServiceStub
) -> None:
    """No day is guessed; the next run does it."""
    await due.creancier()
    await due.mandat()
    payment = await due.payment()
    async with mesh.without("calendar"):
        assert (await refusal(sepa.EmitDue(DUE, timeout=30))).code == StatusCode.UNAVAILABLE
    assert (await due.read(payment)).statut == "PENDING"


async def test_R15_the_finance_team_is_told_once_a_day(due: Debits, sepa: SepaServiceStub) -> None:
    """In one message about all debits of the société, without an account."""
    await due.payments(2)
    for _ in range(2):
        await due.emit()
    (told,) = await due.owed()
    assert told.cle == "debits-bloques:soc-1:2026-02-03"
    assert "2 × CREANCIER_ABSENT" in told.charge["message"]
