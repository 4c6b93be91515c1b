"""The two files of a document: its XML, and the PDF/A-3 that carries it."""

import tempfile
from pathlib import Path

from pdf_utils import day

from service_factures.documents.cii import LEVEL, cii_xml
from service_factures.documents.values import AVOIR, Document, Rendered


class UnreadableDocument(Exception):
    """A merged file that a reader could not take apart again (R30)."""


def render(document: Document, fallback_font: Path | None = None) -> Rendered:
    """The files of *document*, read back before they are given (R30).

    *fallback_font* prints what DejaVu cannot (R29). Takes tens of milliseconds of processor time and
    writes a temporary folder: not for the event loop. The same document gives other bytes each time,
    since factur-x writes the time of the merge. Raises UnreadableDocument, and what `cii_xml` raises.
    """
    from service_factures.documents.pages import pages

    xml = cii_xml(document)
    page, missing = pages(document, fallback_font)
    pdf = _merged(page, xml, document)
    _check(pdf, xml)
    return Rendered(pdf=pdf, xml=xml, missing_glyphs=missing)


def file_name(document: Document, extension: str) -> str:
    """The name under which a document is downloaded."""
    return f"{document.numero}.{extension}"


def _merged(page: bytes, xml: bytes, document: Document) -> bytes:
    from facturx import generate_from_file

    # From file to file: 7.8 writes over its own temporary file in generate_from_binary without
    # truncating it, and the old tail stays behind.
    with tempfile.TemporaryDirectory(prefix="facture-") as folder:
        before, after = Path(folder, "page.pdf"), Path(folder, "facture.pdf")
        before.write_bytes(page)
        generate_from_file(
            str(before),
            xml,
            output_pdf_file=str(after),
            flavor="factur-x",
            level=LEVEL,
            check_xsd=False,  # it was checked when it was made
            check_schematron=False,
            lang="fr-FR",
            pdf_metadata=_metadata(document),
        )
        return after.read_bytes()


def _metadata(document: Document) -> dict[str, str]:
    kind = "Avoir" if document.type == AVOIR else "Facture"
    return {
        "author": document.vendeur.nom,
        "title": f"{kind} {document.numero} – {document.vendeur.nom}",
        "subject": f"{kind} {document.numero} du {day(document.date_emission)}",
        "keywords": f"{kind}, Factur-X, {document.numero}",
    }


def _check(pdf: bytes, xml: bytes) -> None:
    from facturx import get_xml_from_pdf

    if not pdf.startswith(b"%PDF-") or pdf.count(b"%%EOF") != 1:
        raise UnreadableDocument("more or less than one PDF")
    _, found = get_xml_from_pdf(pdf, check_xsd=False, check_schematron=False)
    if found != xml:
        raise UnreadableDocument("another XML inside")
