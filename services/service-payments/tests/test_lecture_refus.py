"""Files that are no reports (R23): a clear refusal, and never an internal error."""

import pytest
from service_payments.lecture import LARGEST_REPORT, RapportIllisible, RapportTropGrand, read_report
from tests.bank_files import camt, document, entry

DOCTYPE = b'<?xml version="1.0"?><!DOCTYPE Document [<!ELEMENT Document ANY>]>'

UNREADABLE = {
    "empty": b"",
    "spaces": b"  \n",
    "no XML": b"%PDF-1.7 not a report",
    "cut short": camt(entry("1.00"))[:-20],
    "a document type": DOCTYPE + camt(entry("1.00")).partition(b"?>")[2],
    "an empty document type": b"<!DOCTYPE Document>" + camt(entry("1.00")).partition(b"?>")[2],
    "nested too deeply": b"<a>" * 300 + b"</a>" * 300,
    "one of our own files": document(
        "<CstmrDrctDbtInitn/>", "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
    ),
    "an account report of the day": document(
        "<BkToCstmrAcctRpt/>", "urn:iso:std:iso:20022:tech:xsd:camt.052.001.08"
    ),
    "some other XML": b"<html><body>Bonjour</body></html>",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_R23_what_is_no_report_is_refused(case: str) -> None:
    with pytest.raises(RapportIllisible):
        read_report(UNREADABLE[case])


def test_R23_a_report_has_at_most_20_MiB() -> None:
    with pytest.raises(RapportTropGrand):
        read_report(b" " * (LARGEST_REPORT + 1))


def test_R23_a_message_in_an_envelope_is_found() -> None:
    inside = camt(entry("1.00")).partition(b"?>")[2]
    assert read_report(b"<Enveloppe>" + inside + b"</Enveloppe>").format == "camt.053"


def test_R23_comments_and_instructions_are_not_read() -> None:
    written = camt(entry("1.00")).replace(b"<Ntry>", b"<!-- <Ntry/> --><?banque x?><Ntry>")
    assert len(read_report(written).lignes) == 1
