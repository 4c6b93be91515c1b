"""Reading of statements and notices (R23, R26), in the namespaces of several years and banks."""

from datetime import date

import pytest
from service_payments.lecture import (
    CONTREPASSATION,
    FRAIS,
    LOT,
    REGLEMENT,
    RETOUR,
    TRANSACTION,
    VIREMENT_RETOURNE,
    BankOutcome,
    Rapport,
    read_report,
)
from tests.bank_files import (
    CAMT_NAMESPACES,
    NOTICE,
    STATEMENT,
    batch,
    camt,
    detail,
    entry,
    returned,
)

NEW_STATUS = "<Sts><Cd>BOOK</Cd></Sts>"


def only(report: Rapport) -> BankOutcome:
    (line,) = report.lignes
    return line


ROWS = {
    "credit of an id": (entry("10.00", "CRDT", detail("E1")), REGLEMENT, TRANSACTION),
    "status in the shape of 2019": (
        entry("10.00", "CRDT", detail("E1"), status=NEW_STATUS),
        REGLEMENT,
        TRANSACTION,
    ),
    "credit of a batch": (entry("10.00", "CRDT", batch("P1", 2)), REGLEMENT, LOT),
    "credit without details": (entry("10.00", "CRDT"), REGLEMENT, LOT),
    "credit whose details carry no id": (
        entry("10.00", "CRDT", batch("P1"), detail("NOTPROVIDED"), detail("")),
        REGLEMENT,
        LOT,
    ),
    "our transfer comes back, by its reason": (
        entry("10.00", "CRDT", detail("E1", returned("AC04"))),
        VIREMENT_RETOURNE,
        TRANSACTION,
    ),
    "our transfer comes back, by its sub-family": (
        entry("10.00", "CRDT", detail("E1"), family="RCDT", sub="RRTN"),
        VIREMENT_RETOURNE,
        TRANSACTION,
    ),
    "a return is taken back": (
        entry("10.00", "CRDT", detail("E1"), family="IDDT", reversal=True),
        CONTREPASSATION,
        TRANSACTION,
    ),
    "return with its reason": (
        entry("10.00", "DBIT", detail("E1", returned("AM04"))),
        RETOUR,
        TRANSACTION,
    ),
    "reversal of any family": (
        entry("10.00", "DBIT", detail("E1"), family="RCDT", reversal=True),
        RETOUR,
        TRANSACTION,
    ),
    "debit of the family of direct debits": (
        entry("10.00", "DBIT", detail("E1"), family="IDDT", sub="UPDD"),
        RETOUR,
        TRANSACTION,
    ),
    "a fee booked with our id": (
        entry("10.00", "DBIT", detail("E1"), family="ACMT", sub="CHRG"),
        FRAIS,
        TRANSACTION,
    ),
    "returns as one amount": (entry("10.00", "DBIT", batch("P1", 2), family="IDDT"), RETOUR, LOT),
    "the detail's own side wins": (
        entry("10.00", "CRDT", detail("E1", returned("MD06"), sens="DBIT")),
        RETOUR,
        TRANSACTION,
    ),
}


@pytest.mark.parametrize("namespace", CAMT_NAMESPACES)
@pytest.mark.parametrize("row", ROWS)
def test_R26_a_booked_line_is_sorted(row: str, namespace: str) -> None:
    written, nature, porte = ROWS[row]
    line = only(read_report(camt(written, namespace=namespace)))
    assert (nature, porte) == (line.nature, line.porte)


@pytest.mark.parametrize("namespace", CAMT_NAMESPACES)
@pytest.mark.parametrize("status", ["INFO", "PDNG", "FUTR"])
@pytest.mark.parametrize("shape", ["<Sts>{}</Sts>", "<Sts><Cd>{}</Cd></Sts>"])
def test_R26_what_is_not_booked_says_nothing(status: str, shape: str, namespace: str) -> None:
    written = entry("10.00", "DBIT", detail("E1", returned("AM04")), status=shape.format(status))
    report = read_report(camt(written, namespace=namespace))
    assert (tuple(report.lignes), report.nb_transactions, report.nb_ignores) == ((), 1, 1)


@pytest.mark.parametrize(
    ("reason", "code", "text"),
    [
        (returned("AM04", text="provision"), "AM04", "provision"),
        (returned("DU01"), "DU01", ""),
        (returned(proprietary="Z-77"), "Z-77", ""),
        (returned(), "", ""),
    ],
)
def test_R26_a_code_is_kept_as_the_bank_writes_it(reason: str, code: str, text: str) -> None:
    """Codes outside the list of R22 are read like all others."""
    line = only(read_report(camt(entry("10.00", "DBIT", detail("E1", reason)))))
    assert (RETOUR, code, text) == (line.nature, line.code, line.texte)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("<BookgDt><Dt>2026-03-09</Dt></BookgDt>", date(2026, 3, 9)),
        ("<BookgDt><DtTm>2026-03-08T23:30:00Z</DtTm></BookgDt>", date(2026, 3, 9)),
        ("<BookgDt><DtTm>2026-03-09T00:30:00</DtTm></BookgDt>", date(2026, 3, 9)),
        ("<ValDt><Dt>2026-03-07</Dt></ValDt>", date(2026, 3, 7)),
    ],
)
def test_R26_the_day_is_the_booking_day_in_paris_else_the_value_day(written: str, day: date) -> None:
    line = only(read_report(camt(entry("10.00").replace("<BookgDt><Dt>2026-03-09</Dt></BookgDt>", written))))
    assert day == line.day


@pytest.mark.parametrize(("kind", "name"), [(STATEMENT, "camt.053"), (NOTICE, "camt.054")])
@pytest.mark.parametrize("namespace", CAMT_NAMESPACES)
def test_R23_the_kind_is_told_by_the_message_and_not_by_the_namespace(
    kind: str, name: str, namespace: str
) -> None:
    assert name == read_report(camt(entry("1.00"), kind=kind, namespace=namespace)).format


def test_R24_ids_are_kept_as_written() -> None:
    """Spaces inside stay; the batch gives what the detail does not say."""
    written = entry("10.00", "CRDT", batch("P1", msg_id="M1"), detail(" E 1  2 "))
    line = only(read_report(camt(written)))
    assert (line.end_to_end_id, line.pmt_inf_id, line.msg_id) == ("E 1  2", "P1", "M1")


def test_R24_foreign_money_is_read_as_such() -> None:
    line = only(read_report(camt(entry("10.00", "DBIT", detail("E1", returned("AM04")), devise="CHF"))))
    assert (line.devise, tuple(line.montants.candidats)) == ("CHF", ())


def test_R24_only_lines_of_direct_debits_are_missed() -> None:
    """A statement holds the whole account: a line of something else is only counted."""
    lines = read_report(
        camt(
            entry("1.00", "CRDT", detail("X"), family="IDDT"),
            entry("1.00", "CRDT", detail("X"), family="RCDT"),
            entry("1.00", "DBIT", detail("X", returned("AC04"))),
        )
    ).lignes
    assert [line.of_debit for line in lines] == [True, False, True]
