"""The files of a bordereau, read back to the cent (R25)."""

import io
import time
from datetime import datetime
from decimal import Decimal
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from pdf_utils import amount
from pypdf import PdfReader
from service_commission.exports import Releve, file_name, render
from service_commission.exports.pdf import pdf
from tests.releves import VALIDE_LE, cells_of, commission, releve, reprise, text_of, totals_of

STORY = releve(commission(1), commission(2, taux=None, bareme="PRIMES v2"), reprises=(reprise(),))


def test_R25_both_files_carry_the_same_head_and_totals() -> None:
    """Reference, period, beneficiary, société, scales, validation, and each total to the cent."""
    files = render(STORY)
    text, totals = text_of(files.pdf), totals_of(files.xlsx)
    for label, value in {
        "Référence": "BRD-2026-02-000001",
        "Période": "2026-02",
        "Bénéficiaire": "Łukasz Œuvrard",
        "Société": "Atelier Élan",
        "Barèmes": "PRIMES v2, STANDARD v1",
        "Validé par": "user-1",
    }.items():
        assert totals[label] == value
        assert value in text
    assert totals["Validé le (heure de Paris)"] == "05/03/2026 11:30"
    assert "05/03/2026 à 11:30" in text
    expected = ("8.32", "-1.67", "-1.00", "-0.49", "5.16", "0.00")
    assert [montant for _, montant in STORY.totaux] == [Decimal(one) for one in expected]
    for label, montant in STORY.totaux:
        assert totals[label] == montant
        assert f"{label} {amount(montant)}".replace("\u00a0", " ") in " ".join(text.split())


def test_R25_the_lines_stand_in_both_files() -> None:
    """A commission without a rate has an empty cell, and what is imputed has its words."""
    files = render(STORY)
    paid = (
        "COM-2026-02-000001",
        datetime(2026, 2, 5),
        "Initiale",
        "contrat-1",
        "STANDARD v1",
        41.58,
        10,
        4.16,
    )
    assert cells_of(files.xlsx, "Lineaire")[0] == paid
    assert cells_of(files.xlsx, "Lineaire")[1][6] is None
    taken = ("COM-2026-01-000007", datetime(2026, 1, 20), "Impayé", "contrat-7", "Rejet MD06", 1.67)
    assert cells_of(files.xlsx, "Reprises") == [taken]
    assert ("Report de 2026-01", 1) in cells_of(files.xlsx, "Total")
    text = text_of(files.pdf)
    for line in (
        "COM-2026-02-000002",
        "05/02/2026",
        "41,58",
        "10 %",
        "Rejet MD06",
        "Acompte de 2026-02 0,49",
    ):
        assert line in text


def test_R25_a_workbook_has_values_with_two_decimals() -> None:
    """Its three sheets in their order."""
    book = load_workbook(io.BytesIO(render(STORY).xlsx))
    assert book.sheetnames == ["Total", "Lineaire", "Reprises"]
    kinds = {cell.data_type for sheet in book for row in sheet.rows for cell in row}
    assert kinds <= {"s", "n", "d"}
    assert {book["Lineaire"]["F2"].number_format, book["Reprises"]["F2"].number_format} == {"#,##0.00"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+33 6", "-2", "@SUM(A1)", "#N/A", "=HYPERLINK(1)", " '=2", "2026-02"]
)
def test_R25_a_text_is_never_a_formula(text: str) -> None:
    """Whatever its first sign: it is stored and shown as a text."""
    files = render(releve(commission(nature=text), reprises=(reprise(motif=text),)))
    book = load_workbook(io.BytesIO(files.xlsx))
    for cell in (book["Lineaire"]["C2"], book["Reprises"]["E2"]):
        assert (cell.value, cell.data_type) == (text, "s")
    assert text.strip() in text_of(files.pdf)


def test_R25_the_same_bordereau_gives_the_same_bytes() -> None:
    """Also in another second: all dates are that of the validation."""
    first = render(STORY)
    began = int(time.time())
    while int(time.time()) == began:  # the second ends: that is the condition
        time.sleep(0.01)
    again = render(STORY)
    assert (again.pdf == first.pdf, again.xlsx == first.xlsx) == (True, True)
    properties = load_workbook(io.BytesIO(first.xlsx)).properties
    assert properties.created == properties.modified == VALIDE_LE.replace(tzinfo=None)
    with ZipFile(io.BytesIO(first.xlsx)) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {VALIDE_LE.timetuple()[:6]}


def test_R25_only_reprises_are_a_bordereau_too() -> None:
    """Nothing to pay, and what lacks is carried over."""
    only: Releve = releve(reprises=(reprise("4.16"),))
    files = render(only)
    totals = totals_of(files.xlsx)
    assert (totals["Net à payer"], totals["Report sur les mois suivants"]) == (Decimal(0), Decimal("4.16"))
    assert cells_of(files.xlsx, "Lineaire") == []
    assert "Commissions (" not in text_of(files.pdf)


def test_R25_what_no_font_has_is_marked() -> None:
    """Signs beyond those of European languages are printed by the whole fonts, others marked."""
    text = text_of(render(releve(commission(nature="北 ∑"), societe="Ω Łódź")).pdf)
    assert "� ∑" in text
    assert "Ω Łódź" in text


def test_R25_long_texts_are_broken_and_not_cut() -> None:
    """A motif of many words and an id of 64 signs without a space."""
    words, contrat = " ".join(f"mot{number}" for number in range(80)), "c" + "0123456789" * 6 + "xyz"
    text = text_of(pdf(releve(commission(contrat=contrat), reprises=(reprise(motif=words),))))
    assert [word for word in words.split() if word not in text] == []
    assert contrat in text.replace("\n", "")


def test_R25_thousands_of_lines_are_printed_whole() -> None:
    """On hundreds of pages, each with its headings and its number."""
    count = 4_000
    printed = pdf(releve(*(commission(number) for number in range(1, count + 1))))
    pages = PdfReader(io.BytesIO(printed)).pages
    first, last = (pages[place].extract_text().replace("\u00a0", " ") for place in (0, -1))
    assert "16 640,00 €" in first
    assert f"page 1/{len(pages)}" in first
    assert f"page {len(pages)}/{len(pages)}" in last
    assert "Total : 16 640,00 €" in pages[-2].extract_text().replace("\u00a0", " ") + last
    assert "Référence" in pages[100].extract_text()


@pytest.mark.parametrize(
    ("societe", "expected"),
    [
        ("Atelier Élan", "Bordereau_Commissions_Atelier_Élan_2026-02_BRD-2026-02-000001.pdf"),
        ("org-1", "Bordereau_Commissions_org-1_2026-02_BRD-2026-02-000001.pdf"),
        ("A/B: <C>", "Bordereau_Commissions_A-B___C__2026-02_BRD-2026-02-000001.pdf"),
        ("../../etc", "Bordereau_Commissions_..-..-etc_2026-02_BRD-2026-02-000001.pdf"),
    ],
)
def test_R25_a_file_is_named_after_its_bordereau(societe: str, expected: str) -> None:
    """Safe for every file system."""
    assert file_name(societe, "2026-02", "BRD-2026-02-000001", "pdf") == expected
