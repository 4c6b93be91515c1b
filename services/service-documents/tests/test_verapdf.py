"""Archives as veraPDF sees them: PDF/A-2B, whatever a contract holds (R13)."""

from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF
from service_documents.contrat_pdf import contract_pdf
from service_documents.parties import Partie, Parties
from service_testing.maven import judged_by_verapdf
from tests.contrat_doubles import Heard

SAMPLES: dict[str, dict[str, Any]] = {
    "usual": {},
    "signs": {"titre": "北京 – « Œuvre » & <b> ±½ ﬁ \u202fλ", "reference": "n° 1/2"},
    "long": {"titre": "Forfait " * 60, "description": "x" * 5000},
    "open": {
        "date_fin": "",
        "signataire_nom": "",
        "prix_a_confirmer": True,
        "frequence_facturation": "UNIQUE",
    },
}


pytestmark = [pytest.mark.maven, pytest.mark.timeout(900)]


def test_R13_an_archive_is_pdf_a_2b(tmp_path: Path) -> None:
    """All samples, and one with many lines, in one run of veraPDF."""
    heard, files = Heard(), []
    for name, fields in SAMPLES.items():
        details = heard.contrats[heard.add("org-1", **fields).id]
        if name == "long":
            details.lignes.extend([details.lignes[0]] * 80)
        files.append(tmp_path / f"{name}.pdf")
        files[-1].write_bytes(
            contract_pdf(details, Parties(Partie("org-123"), Partie("Anne Œuvrard")), "evt")
        )
    assert judged_by_verapdf("2b", files) == ""


def test_verapdf_refuses_another_pdf(tmp_path: Path) -> None:
    """Its yes above means something."""
    plain = tmp_path / "plain.pdf"
    pdf = FPDF()
    pdf.add_page()
    pdf.output(plain)
    assert judged_by_verapdf("2b", [plain]) != ""
