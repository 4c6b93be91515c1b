"""What a reader finds in a PDF."""

import io

from pdf_utils import NO_BREAK
from pypdf import PdfReader


def text_of(pdf: bytes) -> str:
    """All text of *pdf*, with plain spaces and each page on its lines."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return "\n".join(page.extract_text() for page in pages).replace(NO_BREAK, " ")
