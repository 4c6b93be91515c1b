"""The merged file: it holds its XML, is read back before it is given, and costs others nothing (R29, R30)."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from facturx import get_xml_from_pdf
from pypdf import PdfReader
from service_factures.documents import Document, UnreadableDocument, file_name, render
from service_factures.documents import rendering as under_test
from tests.documents.official_rules import failures
from tests.documents.sample_documents import (
    PERSONNE,
    document,
    first_avoir,
    ligne,
    with_seller,
    worked_example,
)


@pytest.mark.parametrize("of", [worked_example(), worked_example(client=PERSONNE), first_avoir()])
def test_R30_a_document_holds_the_xml_that_the_rules_judge(of: Document) -> None:
    """One PDF, whose attachment has the bytes of the XML."""
    rendered = render(of)
    assert rendered.pdf.startswith(b"%PDF-")
    assert rendered.pdf.count(b"%%EOF") == 1
    assert get_xml_from_pdf(rendered.pdf) == ("factur-x.xml", rendered.xml)
    assert failures(rendered.xml, professional=of.client.professionnel) == []


@pytest.mark.parametrize(
    ("pdf", "xml"),
    [(b"junk%PDF-1.6 %%EOF", b""), (b"%PDF-1.6 %%EOF %%EOF", b""), (b"%PDF-1.6", b"")],
)
def test_R30_what_is_no_single_pdf_is_refused(pdf: bytes, xml: bytes) -> None:
    """Junk before it, a second end behind it, no end."""
    with pytest.raises(UnreadableDocument):
        under_test._check(pdf, xml)


def test_R30_a_file_with_another_xml_is_refused() -> None:
    """The bytes must be the same."""
    rendered = render(document())
    with pytest.raises(UnreadableDocument):
        under_test._check(rendered.pdf, rendered.xml + b"\n")


@pytest.mark.parametrize(
    ("of", "title", "subject"),
    [
        (document(), "Facture FAC2026000001 – Société Œuvre & Fils", "Facture FAC2026000001 du 22/10/2026"),
        (first_avoir(), "Avoir AV2026000001 – Société Œuvre & Fils", "Avoir AV2026000001 du 25/10/2026"),
    ],
)
def test_the_file_describes_itself_in_french(of: Document, title: str, subject: str) -> None:
    """Title, subject, author and language."""
    reader = PdfReader(io.BytesIO(render(of).pdf))
    told = reader.metadata
    assert told is not None
    assert (told.title, told.subject, told.author) == (title, subject, "Société Œuvre & Fils")
    assert str(reader.root_object["/Lang"]) == "fr-FR"
    assert file_name(of, "pdf") == f"{of.numero}.pdf"


def test_R29_signs_that_no_font_has_are_told_and_marked() -> None:
    """Each once, wherever they stand; the XML has them all."""
    of = with_seller(document(ligne("1", "10", "20", description="北京 北")), header_text="𝄞")
    rendered = render(of)
    assert set(rendered.missing_glyphs) == {"北", "京", "𝄞"}
    assert "�� �" in PdfReader(io.BytesIO(rendered.pdf)).pages[0].extract_text()
    assert "北京 北" in rendered.xml.decode()


def test_R29_signs_beyond_everyday_ones_are_printed_with_the_whole_font() -> None:
    """Armenian, which DejaVu has."""
    rendered = render(document(ligne("1", "10", "20", description="Հայաստան")))
    assert rendered.missing_glyphs == ()
    assert "Հայաստան" in PdfReader(io.BytesIO(rendered.pdf)).pages[0].extract_text()


def test_R29_a_fallback_font_prints_what_the_first_one_cannot(tmp_path: Path) -> None:
    """A font made here, which has but one glyph more."""
    rendered = render(document(ligne("1", "10", "20", description="a北b")), _font_with("北", tmp_path))
    assert rendered.missing_glyphs == ()
    assert "a北b" in PdfReader(io.BytesIO(rendered.pdf)).pages[0].extract_text()


def _font_with(sign: str, folder: Path) -> Path:
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 0))
    pen.lineTo((500, 500))
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "sign"])
    builder.setupCharacterMap({ord(sign): "sign"})
    builder.setupGlyf({".notdef": pen.glyph(), "sign": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "sign": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Secours", "styleName": "Regular", "psName": "Secours"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    path = folder / "secours.ttf"
    builder.save(path)
    return path


def test_importing_documents_imports_no_library_of_documents() -> None:
    """A service starts without them; the first document pays."""
    heavy = {"facturx", "lxml", "fpdf", "fontTools", "PIL", "babel", "pypdf"}
    code = f"import sys, service_factures.documents; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
