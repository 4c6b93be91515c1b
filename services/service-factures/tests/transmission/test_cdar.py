"""Status messages, as they are read and as the status 212 is written."""

from datetime import datetime
from typing import Any, Final

import pytest
from db_utils.clock import PARIS
from lxml import etree
from service_factures.transmission import PLATEFORME, Statut
from service_factures.transmission.cdar import NAMESPACES, CdarIllisible, StatutRecu, statuts
from service_factures.transmission.cdar_212 import encaissee
from tests.transmission.cdar_samples import SELLER, receipt, received

MORNING: Final = datetime(2026, 1, 23, 10, 15, tzinfo=PARIS)
ONE = received("FAC2026000001", "205")


def _statut(code: int, **told: Any) -> Statut:
    fields: dict[str, Any] = {"code": code, "date": MORNING, "origine": PLATEFORME}
    return Statut(**(fields | told))


def test_R37_a_message_says_what_became_of_an_invoice() -> None:
    """Number, seller, code, reason, sentence, and the time as in Paris."""
    message = received("FAC2026000001", "210", motif="TX_TVA_ERR", texte="Le taux\nest faux")
    told = _statut(210, motif_code="TX_TVA_ERR", texte="Le taux est faux")
    assert statuts(message) == (StatutRecu("FAC2026000001", SELLER, told),)


def test_R37_a_message_without_reason_has_none() -> None:
    """As that of an approval."""
    assert statuts(ONE) == (StatutRecu("FAC2026000001", SELLER, _statut(205)),)


def test_R37_a_code_that_nobody_knows_is_read_as_it_is() -> None:
    """The official list is open."""
    (told,) = statuts(received("FAC1", "229", motif="Nouveau motif"))
    assert told.statut == _statut(229, motif_code="Nouveau motif")


def test_R37_a_message_may_give_only_the_day() -> None:
    """It stands for its beginning in Paris."""
    message = ONE.replace(
        b'<udt:DateTimeString format="204">20260123101500', b'<udt:DateTimeString format="102">20260123'
    )
    assert statuts(message)[0].statut.date == datetime(2026, 1, 23, tzinfo=PARIS)


def test_R37_a_message_may_name_several_invoices() -> None:
    """Each has a status of its own."""
    begin, end = b"<ram:ReferenceReferencedDocument>", b"</ram:ReferenceReferencedDocument>"
    reference = ONE[ONE.index(begin) : ONE.index(end) + len(end)]
    message = ONE.replace(reference, reference + reference.replace(b"FAC2026000001", b"FAC2026000002"))
    assert [one.numero for one in statuts(message)] == ["FAC2026000001", "FAC2026000002"]


def _with_doctype(message: bytes) -> bytes:
    head, _, rest = message.partition(b"?>")
    return head + b'?><!DOCTYPE note [<!ENTITY sign "x">]>' + rest


UNREADABLE: Final = {
    "nothing": b"",
    "no XML": b"%PDF-1.7",
    "cut short": ONE[:-40],
    "another message": b"<invoice/>",
    "a DOCTYPE": _with_doctype(ONE),
    "no number": ONE.replace(b"<ram:IssuerAssignedID>FAC2026000001</ram:IssuerAssignedID>", b""),
    "a number too long": ONE.replace(b"FAC2026000001", b"F" * 101),
    "no code": ONE.replace(b"<ram:ProcessConditionCode>205</ram:ProcessConditionCode>", b""),
    "a code of letters": ONE.replace(b">205<", b">abc<"),
    "no date": ONE.replace(b"20260123101500", b""),
    "no day of the calendar": ONE.replace(b"20260123101500", b"20260231101500"),
    "digits of another script": ONE.replace(b"20260123101500", "2026012310150٠".encode()),
    "another form of date": ONE.replace(b'format="204"', b'format="610"'),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_R37_what_is_no_status_is_refused(name: str) -> None:
    """Whatever a platform sends."""
    with pytest.raises(CdarIllisible):
        statuts(UNREADABLE[name])


def test_R40_a_receipt_is_told_with_one_block_for_each_rate() -> None:
    """Taxes included, with the rate, in the order given."""
    root = etree.fromstring(encaissee(receipt(("20", "16.02"), ("10", "22.34"), ("5.5", "11.64"))))
    blocks = root.iterfind(".//ram:SpecifiedDocumentCharacteristic", NAMESPACES)
    names = ("ram:TypeCode", "ram:ValueAmount", "ram:ValueDateTime/udt:DateTimeString", "ram:ValuePercent")
    assert [tuple(block.findtext(name, "", NAMESPACES) for name in names) for block in blocks] == [
        ("MEN", "16.02", "20260205", "20.00"),
        ("MEN", "22.34", "20260205", "10.00"),
        ("MEN", "11.64", "20260205", "5.50"),
    ]


def test_R40_the_message_names_its_receipt_and_its_time_in_paris() -> None:
    """The number of the message tells it from the other receipts of the invoice."""
    told = encaissee(receipt(("20", "49.90"), rang=3))
    assert etree.fromstring(told).findtext(".//rsm:ExchangedDocument/ram:ID", "", NAMESPACES) == (
        "FAC2026000001-212-3"
    )
    assert statuts(told) == (
        StatutRecu("FAC2026000001", SELLER, _statut(212, date=datetime(2026, 2, 6, 0, 30, tzinfo=PARIS))),
    )


def test_R41_what_is_taken_back_is_negative() -> None:
    """With the same blocks."""
    assert b'<ram:ValueAmount currencyID="EUR">-49.90</ram:ValueAmount>' in encaissee(
        receipt(("20", "-49.90"))
    )
