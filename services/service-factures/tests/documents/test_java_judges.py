"""Documents as veraPDF and Mustang see them: PDF/A-3B, and valid Factur-X (`./scripts/test --maven`)."""

from pathlib import Path

import pytest
from fpdf import FPDF
from service_factures.documents import render
from service_testing.maven import judged_by_mustang, judged_by_verapdf
from tests.documents.varied_documents import varied

pytestmark = [pytest.mark.maven, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a document of every kind."""
    folder = tmp_path_factory.mktemp("documents")
    for number, of in enumerate(varied().values()):
        (folder / f"{number}.pdf").write_bytes(render(of).pdf)
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder with a PDF of another kind."""
    pdf = FPDF()
    pdf.add_page()
    pdf.output(tmp_path / "plain.pdf")
    return tmp_path


def test_R30_every_document_is_pdf_a_3b(written: Path) -> None:
    """All kinds, at least sixty, in one run of veraPDF."""
    files = list(written.iterdir())
    assert len(files) >= 60
    assert judged_by_verapdf("3b", files) == ""


def test_R30_every_document_is_valid_factur_x(written: Path) -> None:
    """PDF and XML together, in one run of Mustang."""
    assert judged_by_mustang(written) == ""


def test_the_judges_refuse_another_pdf(plain: Path) -> None:
    """Their yes above means something."""
    assert judged_by_verapdf("3b", list(plain.iterdir())) != ""
    assert judged_by_mustang(plain) != ""
