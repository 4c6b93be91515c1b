#!/usr/bin/env bash
# fpdf2 2.8.9 (PyPI, https://github.com/py-pdf/fpdf2).
#
# A no-break space (U+00A0) is never a place where multi_cell() and write() break a line, as one would
# expect; but they print U+0020 for it, so that who copies or extracts "1 000 EUR" from the page gets a
# text that may be broken. cell() prints the sign that it was given. Amounts that machines read again
# are therefore printed with cell().
#
# Seen, of the text "Total 1<U+00A0>000 EUR" read back with pypdf:
#   cell        'Total 1\xa0000 EUR'
#   multi_cell  'Total 1 000 EUR'
#   write       'Total 1 000 EUR'
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fpdf2==2.8.9 pypdf==7.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import io

from fpdf import FPDF
from pypdf import PdfReader

TEXT = "Total 1\u00a0000 EUR"


def printed(way: str) -> str:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    if way == "write":
        pdf.write(10, TEXT)
    else:
        getattr(pdf, way)(0, 10, TEXT)
    return PdfReader(io.BytesIO(bytes(pdf.output()))).pages[0].extract_text()


found = {way: printed(way) for way in ("cell", "multi_cell", "write")}
for way, text in found.items():
    print(f"{way:10}  {text!r}")
plain = TEXT.replace("\u00a0", " ")
assert found == {"cell": TEXT, "multi_cell": plain, "write": plain}
PYTHON
