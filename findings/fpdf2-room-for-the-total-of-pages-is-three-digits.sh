#!/usr/bin/env bash
# fpdf2 2.8.9 (PyPI, https://github.com/py-pdf/fpdf2).
#
# "{nb}" stands for the total of pages, known only at the end. Until then it is as wide as three zeros,
# another alias as wide as it has characters: one of a single sign has room for 9 pages. Text in a cell
# with align="R" is set by that width and stays there, so that with any other count of digits it ends
# before the right edge of the cell or beyond it.
#
# alias_nb_pages(align="R") moves the number within its room, no more: a small one has a hole before it,
# and one that is too wide, here of 12 pages for a room of one, is printed over what stands on its left.
# Too wide a number gives a UserWarning for each place where it stands, at output(), when all pages are
# done; the document comes all the same. Who needs it flush counts the pages first, and gives an alias of
# as many signs as the count has digits ("{nb}" for three).
#
# Seen, of cell(text="1/<alias> p", align="R"), up to the right edge of the cell "|" (#: two signs):
#   {nb}  align L    5 pages    1/5 p  |
#   {nb}  align L  285 pages    1/285 p|
#   {nb}  align R    5 pages    1/  5 p|
#   @     align L    5 pages      1/5 p|
#   @     align L   12 pages      1/12 |p  12 warnings
#   @     align R   12 pages      1#2 p|   12 warnings
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fpdf2==2.8.9 pypdf==7.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import io
import warnings

from fpdf import FPDF
from pypdf import PdfReader

SIGN = 12  # points, of each sign of Courier at 20 points
EXPECTED = {
    ("{nb}", "L", 5): ("  1/5 p  |", 0),
    ("{nb}", "L", 285): ("  1/285 p|", 0),
    ("{nb}", "R", 5): ("  1/  5 p|", 0),
    ("@", "L", 5): ("    1/5 p|", 0),
    ("@", "L", 12): ("    1/12 |p", 12),
    ("@", "R", 12): ("    1#2 p|", 12),
}


def line(page, edge: float) -> str:
    """Return the first line of the page, each sign at its place, counted from the right edge."""
    places, x = {}, 0.0
    for operands, operator in page.get_contents().operations:
        if operator in (b"Td", b"Tm"):
            x = float(operands[0 if operator == b"Td" else 4])
        elif operator == b"Tj":
            for sign in str(operands[0]):
                place = round((x - edge) / SIGN)
                x += SIGN
                if sign != " ":
                    places[place] = "#" if place in places else sign
    before = "".join(places.get(place, " ") for place in range(-9, 0))
    return before + "|" + "".join(places.get(place, " ") for place in range(3)).rstrip()


def printed(alias: str, align: str, pages: int) -> tuple[str, int]:
    pdf = FPDF()
    pdf.alias_nb_pages(alias, align=align)
    pdf.set_font("Courier", size=20)
    for _ in range(pages):
        pdf.add_page()
        pdf.cell(0, 10, f"1/{alias} p", align="R")
    edge = (pdf.w - pdf.r_margin - pdf.c_margin) * pdf.k
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        file = bytes(pdf.output())
    assert all("wider than the reserved" in str(warning.message) for warning in told)
    return line(PdfReader(io.BytesIO(file)).pages[0], edge), len(told)


for (alias, align, pages), expected in EXPECTED.items():
    found = printed(alias, align, pages)
    told = f"{found[1]} warnings" if found[1] else ""
    print(f"{alias:4}  align {align}  {pages:3} pages  {found[0]:12} {told}".rstrip())
    assert found == expected, found
PYTHON
