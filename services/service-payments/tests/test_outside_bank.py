"""An independent bank (mock-bank) collects our files, and our import reads its reports (stories A to C)."""

from datetime import timedelta

from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from db_utils import clock
from service_payments.simulateur import BankSimulator
from tests.debits_due import Debits
from tests.encaissements import Encaissements
from tests.mock_bank import mock_bank
from tests.sample_debits import OUR_IBAN


async def test_R18_R19_a_debit_is_credited_and_returned_by_an_outside_bank(
    due: Debits, banque: Encaissements, sepa: SepaServiceStub
) -> None:
    """Each outcome is told by a notice and by a statement, and counts once."""
    await due.creancier()
    await due.mandat()
    debit = await due.payment()
    (remise,) = (await due.emit()).remises
    file = (await sepa.DownloadRemise(pb.DownloadRemiseRequest(id=remise.id))).content
    day = (await banque.read(debit)).date_prelevement
    with mock_bank(f"{clock.today()}T06:00") as bank:
        bank.open_account(OUR_IBAN)
        bank.send(file)
        bank.advance(str(day + timedelta(days=1)))
        for report in bank.reports("camt"):
            await banque.report(report)
        assert await banque.statut(debit) == "PAID"
        bank.refuse(debit.end_to_end_id, "MD06")
        bank.advance(str(day + timedelta(days=5)))
        for report in bank.reports("camt"):
            await banque.report(report)
    stored = await banque.read(debit)
    assert (stored.motif_rejet, stored.r_type) == ("MD06", "REMBOURSEMENT")
    assert await banque.way(debit) == ["SUBMITTED", "PAID", "REJECTED"]


async def test_R26_the_simulated_bank_answers_what_the_import_reads(
    due: Debits, banque: Encaissements, sepa: SepaServiceStub
) -> None:
    await due.creancier()
    await due.mandat()
    paid, back = [await due.payment() for _ in range(2)]
    (remise,) = (await due.emit()).remises
    file = (await sepa.DownloadRemise(pb.DownloadRemiseRequest(id=remise.id))).content
    outcomes = {paid.end_to_end_id: "OK", back.end_to_end_id: "AM04"}
    answer = await banque.report(BankSimulator().simulate(file, outcomes))
    assert (answer.nb_regles, answer.nb_rejetes) == (2, 1)
    assert [await banque.statut(one) for one in (paid, back)] == ["PAID", "REJECTED"]
