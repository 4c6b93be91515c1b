"""Documents as veraPDF and Mustang see them: PDF/A-3B, and valid Factur-X (`./scripts/test --maven`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from fpdf import FPDF
from service_factures.documents import render
from service_testing.maven import judged_by_mustang, judged_by_verapdf
from tests.documents.sample_documents import exempt, first_avoir, single, worked_example
from tests.documents.varied_documents import varied

pytestmark = [pytest.mark.maven, pytest.mark.timeout(900)]

# Mustang takes seconds for each.
FOR_MUSTANG: Final = {
    "R3": worked_example(),
    "avoir": first_avoir(),
    "29.97": single("24.98", "4.99"),
    "out of scope": exempt("HORS_CHAMP"),
    "to Germany": exempt("INTRACOM"),
}


def _written(folder: Path) -> Iterator[Path]:
    for number, of in enumerate(varied().values()):
        path = folder / f"{number}.pdf"
        path.write_bytes(render(of).pdf)
        yield path


def test_R30_every_document_is_pdf_a_3b(tmp_path: Path) -> None:
    """All kinds, in one run of veraPDF."""
    assert judged_by_verapdf("3b", list(_written(tmp_path))) == ""


def test_verapdf_refuses_another_pdf(tmp_path: Path) -> None:
    """Its yes above means something."""
    plain = tmp_path / "plain.pdf"
    pdf = FPDF()
    pdf.add_page()
    pdf.output(plain)
    assert judged_by_verapdf("3b", [plain]) != ""


@pytest.mark.parametrize("name", FOR_MUSTANG)
def test_R30_a_document_is_valid_factur_x(name: str, tmp_path: Path) -> None:
    """PDF and XML together."""
    path = tmp_path / "facture.pdf"
    path.write_bytes(render(FOR_MUSTANG[name]).pdf)
    assert judged_by_mustang(path) == ""


def test_mustang_refuses_a_pdf_without_xml(tmp_path: Path) -> None:
    """Its yes above means something."""
    plain = tmp_path / "plain.pdf"
    pdf = FPDF()
    pdf.add_page()
    pdf.output(plain)
    assert judged_by_mustang(plain) != ""
