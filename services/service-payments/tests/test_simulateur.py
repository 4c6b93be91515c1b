"""BankSimulator: its answers to one of our files are reports that say what it was told."""

from datetime import date
from decimal import Decimal

import pytest
from service_payments import pain008
from service_payments.lecture import REGLEMENT, RETOUR, read_report
from service_payments.simulateur import BankSimulator
from tests.sample_debits import BENEFICIAIRE, MSG_ID, RUN, debit

PAID, BACK, SILENT = (debit(number) for number in (1, 2, 3))
FILE = pain008.write(MSG_ID, RUN, "CORE", BENEFICIAIRE, [PAID, BACK, SILENT]).content
OUTCOMES = {PAID.end_to_end_id: "OK", BACK.end_to_end_id: "AM04"}


def test_R26_a_notice_books_each_debit_and_books_back_what_is_refused() -> None:
    report = read_report(BankSimulator().simulate(FILE, OUTCOMES))
    said = [(line.nature, line.end_to_end_id, line.code, line.day, line.montant) for line in report.lignes]
    day, amount = date(2026, 2, 5), Decimal("49.90")
    assert said == [
        (REGLEMENT, PAID.end_to_end_id, "", day, amount),
        (REGLEMENT, BACK.end_to_end_id, "", day, amount),
        (RETOUR, BACK.end_to_end_id, "AM04", day, amount),
    ]
    assert report.format == "camt.054"


def test_R25_an_answer_says_of_each_debit_what_became_of_it() -> None:
    report = read_report(BankSimulator().simulate(FILE, OUTCOMES, kind="pain.002"))
    said = [(line.nature, line.end_to_end_id, line.code, line.pmt_inf_id) for line in report.lignes]
    assert said == [
        (REGLEMENT, PAID.end_to_end_id, "", f"{MSG_ID}-001"),
        (RETOUR, BACK.end_to_end_id, "AM04", f"{MSG_ID}-001"),
    ]


def test_another_kind_is_not_known() -> None:
    with pytest.raises(KeyError):
        BankSimulator().simulate(FILE, OUTCOMES, kind="camt.052")
