"""Reading of the bank's answers to our files (R25), in several namespaces."""

from datetime import date

import pytest
from service_payments.lecture import (
    ACCEPTE,
    LOT,
    REFUS,
    REGLEMENT,
    REMISE,
    RETOUR,
    TRANSACTION,
    read_report,
)
from tests.bank_files import PAIN_2009, PAIN_NAMESPACES, answered, document, pain, transaction, why

M, P = "R202603030A1B2C3D", "R202603030A1B2C3D-001"

Said = tuple[str, str, str, str]  # nature, about what, its id, code

ROWS: dict[str, tuple[dict[str, str], list[str], list[Said]]] = (
    {
        "a transaction is refused": (
            {},
            [answered(P, transaction("E1", "RJCT", why("AC01")))],
            [(RETOUR, TRANSACTION, "E1", "AC01")],
        ),
        "a transaction below a refused batch has a reason only": (
            {},
            [answered(P, transaction("E1", "", why("AC04")), status="RJCT", reason=why("NARR"))],
            [(RETOUR, TRANSACTION, "E1", "AC04"), (REFUS, LOT, P, "NARR")],
        ),
        "a transaction below a refused file has a reason only": (
            {"status": "RJCT"},
            [answered(P, transaction("E1", "", why("AC04")))],
            [(RETOUR, TRANSACTION, "E1", "AC04"), (REFUS, REMISE, M, "")],
        ),
        "a reason without a refusal says nothing": (
            {},
            [answered(P, transaction("E1", "", why("AC04")))],
            [],
        ),
        "a transaction is settled": (
            {},
            [answered(P, transaction("E1", "ACSC"), transaction("E2", "ACCC"))],
            [(REGLEMENT, TRANSACTION, "E1", ""), (REGLEMENT, TRANSACTION, "E2", "")],
        ),
        "a batch is refused": (
            {},
            [answered(P, status="RJCT", reason=why("FF01"))],
            [(REFUS, LOT, P, "FF01")],
        ),
        "a file is refused": ({"status": "RJCT", "reason": why("DU01")}, [], [(REFUS, REMISE, M, "DU01")]),
        "a code outside the list": (
            {},
            [answered(P, transaction("E1", "RJCT", why("XX99")))],
            [(RETOUR, TRANSACTION, "E1", "XX99")],
        ),
        "no code": ({}, [answered(P, transaction("E1", "RJCT"))], [(RETOUR, TRANSACTION, "E1", "")]),
    }
    | {
        f"a file is {status}": ({"status": status}, [], [(ACCEPTE, REMISE, M, "")])
        for status in ("PART", "ACCP", "ACTC", "ACSP", "ACWC")
    }
    | {f"a file is {status}": ({"status": status}, [], []) for status in ("RCVD", "PDNG")}
)


@pytest.mark.parametrize("namespace", PAIN_NAMESPACES)
@pytest.mark.parametrize("row", ROWS)
def test_R25_each_level_says_its_own(row: str, namespace: str) -> None:
    group, batches, expected = ROWS[row]
    report = read_report(pain(*batches, namespace=namespace, **group))
    said = [
        (
            line.nature,
            line.porte,
            {TRANSACTION: line.end_to_end_id, LOT: line.pmt_inf_id, REMISE: line.msg_id}[line.porte],
            line.code,
        )
        for line in report.lignes
    ]
    assert ("pain.002", expected) == (report.format, said)


def test_R25_the_texts_of_a_reason_are_one() -> None:
    report = read_report(pain(answered(P, transaction("E1", "RJCT", why("AC01", ["12;Konto", "ungültig"])))))
    assert report.lignes[0].texte == "12;Konto ungültig"


@pytest.mark.parametrize(
    ("status", "original", "day"),
    [
        ("RJCT", "<ReqdColltnDt>2026-03-05</ReqdColltnDt>", date(2026, 3, 4)),
        ("ACSC", "<ReqdColltnDt>2026-03-05</ReqdColltnDt>", date(2026, 3, 5)),
        ("ACSC", "<IntrBkSttlmDt>2026-03-06</IntrBkSttlmDt>", date(2026, 3, 6)),
        ("ACSC", "", date(2026, 3, 4)),
    ],
)
def test_R25_a_refusal_is_of_the_day_of_the_report_a_settlement_of_its_own(
    status: str, original: str, day: date
) -> None:
    report = read_report(pain(answered(P, transaction("E1", status, original=original))))
    assert day == report.lignes[0].day


def test_R24_a_transaction_in_francs_is_read_as_such() -> None:
    francs = '<Amt><InstdAmt Ccy="CHF">10.00</InstdAmt></Amt>'
    report = read_report(pain(answered(P, transaction("E1", "RJCT", why("AC04"), francs))))
    assert report.lignes[0].devise == "CHF"


def test_R25_the_first_version_has_no_batches() -> None:
    """Its transactions stand beside the group and name their batch themselves."""
    line = transaction("E1", "RJCT", why("AC04")).replace(
        "<OrgnlEndToEndId>", f"<OrgnlPmtInfId>{P}</OrgnlPmtInfId><OrgnlEndToEndId>"
    )
    report = read_report(document(f"<CstmrPmtStsRpt>{line}</CstmrPmtStsRpt>", PAIN_2009))
    assert [(line.pmt_inf_id, line.end_to_end_id) for line in report.lignes] == [(P, "E1")]
