"""The file of direct debits, read with lxml and by an independent bank."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError

import pytest
from lxml import etree
from service_payments import pain008
from service_payments.pain008 import Adresse, Debit, Fichier, FichierInvalide
from tests.mock_bank import MockBank, mock_bank
from tests.sample_debits import BENEFICIAIRE, MSG_ID, OUR_IBAN, RUN, SWISS_IBAN, debit

_NS = {"p": pain008.NAMESPACE}
_GENEVA = Adresse("Rue du Rhône 8", "1204", "Genève", "CH")


@pytest.fixture
def bank() -> Iterator[MockBank]:
    with mock_bank("2026-02-03T06:00") as bank:
        bank.open_account(OUR_IBAN)
        yield bank


def written(*debits: Debit, schema: str = "CORE") -> Fichier:
    return pain008.write(MSG_ID, RUN, schema, BENEFICIAIRE, debits)


def texts(file: Fichier, path: str) -> list[str]:
    root: Any = etree.fromstring(file.content)
    return [element.text for element in root.iterfind(path, _NS)]


def test_R17_a_lot_is_one_day_and_one_sequence() -> None:
    """Lots are numbered from 001; sums and numbers are exact at both levels."""
    file = written(
        debit(1, "49.90"),
        debit(2, "0.01", sequence="FRST"),
        debit(3, "999999999.99", day=date(2026, 2, 6)),
        debit(4, "0.10"),
    )
    assert [lot.pmt_inf_id for lot in file.lots] == [f"{MSG_ID}-00{rank}" for rank in (1, 2, 3)]
    assert texts(file, ".//p:PmtInfId") == [lot.pmt_inf_id for lot in file.lots]
    assert texts(file, ".//p:SeqTp") == ["FRST", "RCUR", "RCUR"]
    assert texts(file, ".//p:ReqdColltnDt") == ["2026-02-05", "2026-02-05", "2026-02-06"]
    assert texts(file, ".//p:NbOfTxs") == ["4", "1", "2", "1"]
    assert texts(file, ".//p:CtrlSum") == ["1000000050.00", "0.01", "50.00", "999999999.99"]
    assert (file.nb, file.total) == (4, Decimal("1000000050.00"))


def test_R17_the_same_remise_has_the_same_bytes() -> None:
    """Whatever the order in which its debits were found; time is in whole seconds of Paris."""
    first, second = written(debit(1), debit(2)), written(debit(2), debit(1))
    assert first == second
    assert first.sha256 == second.sha256
    assert texts(first, ".//p:CreDtTm") == ["2026-02-03T06:00:00"]


def test_R17_a_debit_carries_its_mandate_and_its_label() -> None:
    """Without a BIC the bank of the debtor is not provided."""
    file = written(debit(1), debit(2, bic="PSSTFRPPPAR"))
    assert texts(file, ".//p:MndtId") == ["RUMSOC10000260112ABCDEFGH"] * 2
    assert texts(file, ".//p:DtOfSgntr") == ["2026-01-12"] * 2
    assert texts(file, ".//p:Ustrd") == ["Facture FAC2026000001"] * 2
    assert texts(file, ".//p:DbtrAgt/p:FinInstnId/p:Othr/p:Id") == ["NOTPROVIDED"]
    assert texts(file, ".//p:DbtrAgt/p:FinInstnId/p:BICFI") == ["PSSTFRPPPAR"]


def test_R29_names_and_labels_are_plain() -> None:
    """A label of which nothing is left is the mandate's reference."""
    file = written(debit(1), debit(2, libelle="№ & @"), debit(3, libelle="&&"))
    assert texts(file, ".//p:Cdtr/p:Nm") == ["Societe Generale d'Energie"]
    assert texts(file, ".//p:Dbtr/p:Nm") == ["Helene Cie - oeuvre"] * 3
    assert texts(file, ".//p:Ustrd")[2] == "Prelevement RUMSOC10000260112ABCDEFGH"


def test_R30_an_address_is_structured() -> None:
    """Never AdrLine; without one nothing is written."""
    file = written(debit(1), debit(2, iban=SWISS_IBAN, adresse=_GENEVA))
    root: Any = etree.fromstring(file.content)
    (address,) = root.iterfind(".//p:PstlAdr", _NS)
    told = [(etree.QName(part).localname, part.text) for part in address]
    assert told == [("StrtNm", "Rue du Rhone 8"), ("PstCd", "1204"), ("TwnNm", "Geneve"), ("Ctry", "CH")]


def test_R17_a_file_against_the_schema_is_never_handed_out() -> None:
    """The error names the kind of fault and no value of the file."""
    with pytest.raises(FichierInvalide) as refused:
        written(debit(1, end_to_end_id="E" * 36))
    assert "E" * 36 not in str(refused.value)
    assert "MAXLENGTH" in str(refused.value)


def test_R17_a_business_file_says_so() -> None:
    """The schema B2B stands in each lot."""
    assert texts(written(debit(1), schema="B2B"), ".//p:LclInstrm/p:Cd") == ["B2B"]


def test_R17_an_independent_bank_accepts_the_file_and_collects(bank: MockBank) -> None:
    """It knows each debit by our EndToEndId and settles it on its day."""
    file = written(debit(1), debit(2, "10.00", iban=SWISS_IBAN, adresse=_GENEVA))
    assert bank.send(file.content)["status"] == "ACCP"
    bank.advance("2026-02-05")
    told = [(row["end_to_end_id"], row["amount"], row["settlement_date"]) for row in bank.collections()]
    assert sorted(told) == [(f"E{1:032x}", 4990, "2026-02-05"), (f"E{2:032x}", 1000, "2026-02-05")]
    assert all(row["booked_at"] for row in bank.collections())


def test_R17_an_independent_bank_knows_a_file_that_is_sent_twice(bank: MockBank) -> None:
    """By its MsgId: a file that is built again, which has the same one, is never collected twice."""
    bank.send(written(debit(1)).content)
    with pytest.raises(HTTPError) as refused:
        bank.send(written(debit(1)).content)
    assert json.load(refused.value)["reason"] == "DUPL"
