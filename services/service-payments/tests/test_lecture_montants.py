"""Amounts and fees of a line (R27): which amounts explain a debit, and what the bank has kept."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from service_payments.lecture import BankOutcome, read_report
from tests.bank_files import batch, camt, charges, detail, entry, instructed, returned

AM04 = returned("AM04")
CHARGES_2009 = '<Chrgs><Amt Ccy="EUR">5.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></Chrgs>'
CHARGES_TOTAL = '<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">5.50</TtlChrgsAndTaxAmt></Chrgs>'


def line(written: str) -> BankOutcome:
    return read_report(camt(written)).lignes[0]


EXPLAINED = {
    "what we had asked for": (
        entry("15.50", "DBIT", detail("E1", instructed("10.00", "15.50"), AM04)),
        "5.50",
    ),
    "and fees that are named": (
        entry("15.50", "DBIT", detail("E1", instructed("10.00", "15.50"), charges("3.00", "2.50"), AM04)),
        "5.50",
    ),
    "the amount less its fees": (
        entry("15.50", "DBIT", detail("E1", charges("3.00", "2.50"), AM04, amount="15.50")),
        "5.50",
    ),
    "the entry less the fees of its detail": (
        entry("15.50", "DBIT", detail("E1", charges("5.50"), AM04)),
        "5.50",
    ),
    "the entry less its own fees": (
        entry("15.50", "DBIT", detail("E1", AM04), extra=charges("5.50")),
        "5.50",
    ),
    "fees in the shape of 2009": (entry("15.50", "DBIT", detail("E1", CHARGES_2009, AM04)), "5.50"),
    "fees as a total": (entry("15.50", "DBIT", detail("E1", CHARGES_TOTAL, AM04)), "5.50"),
    "fees apart from the amount": (
        entry("10.00", "DBIT", detail("E1", charges("0.70", included="false"), AM04, amount="10.00")),
        "0.70",
    ),
    "the detail as it stands": (entry("15.50", "DBIT", detail("E1", AM04, amount="10.00")), "5.50"),
    "no fees at all": (entry("10.00", "DBIT", detail("E1", AM04)), None),
    "a receipt that is smaller by its fees": (
        entry("9.50", "CRDT", detail("E1", charges("0.50"), amount="9.50")),
        "0.50",
    ),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_R27_a_debit_of_10_00_is_explained_and_its_fees_are_known(case: str) -> None:
    written, fees = EXPLAINED[case]
    montants = line(written).montants
    expected = None if fees is None else Decimal(fees)
    assert (True, expected) == (montants.explain(Decimal("10.00")), montants.frais(Decimal("10.00")))


def test_R27_included_fees_are_counted_too() -> None:
    """0.30 inside the amount and 0.70 apart from it: 6.00 of 6.30 is the debit, 1.00 are fees."""
    both = '<Chrgs><Rcrd><Amt Ccy="EUR">0.30</Amt><ChrgInclInd>true</ChrgInclInd></Rcrd>' + charges(
        "0.70", included="false"
    ).removeprefix("<Chrgs>")
    montants = line(entry("6.30", "DBIT", detail("E1", both, AM04))).montants
    assert (True, Decimal("1.00")) == (montants.explain(Decimal("6.00")), montants.frais(Decimal("6.00")))


@pytest.mark.parametrize(
    "written",
    [
        entry("15.50", "DBIT", detail("E1", AM04)),
        entry("15.50", "DBIT", detail("E1", charges("5.50", included="false"), AM04)),
        entry("30.00", "DBIT", detail("E1", AM04, amount="15.00"), detail("E2", AM04, amount="15.00")),
        entry("10.00", "DBIT", detail("E1", AM04), devise="CHF"),
    ],
)
def test_R27_another_amount_explains_nothing(written: str) -> None:
    assert not line(written).montants.explain(Decimal("10.00"))


@pytest.mark.parametrize(
    ("written", "amounts"),
    [
        (entry("270.00", "CRDT", batch("P1", 2)), ["270.00"]),
        (entry("269.00", "CRDT", batch("P1", 2), extra=charges("1.00")), ["270.00", "269.00"]),
        (
            entry("20.00", "CRDT", batch("P1"), detail("", amount="10.00"), detail("", amount="10.00")),
            ["20.00"],
        ),
        (entry("19.00", "CRDT", batch("P1", total="20.00")), ["19.00", "20.00"]),
    ],
)
def test_R27_a_batch_has_the_amount_of_its_entry(written: str, amounts: Sequence[str]) -> None:
    assert [Decimal(amount) for amount in amounts] == list(line(written).montants.candidats)
