"""The pages that a bordereau is printed on: fonts, running header and footer, tables over many pages.

`pdf.py` says what stands on them. This is the only module that imports fpdf2 when it is imported.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, Literal

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from pdf_utils import Family, missing, printable, typeset

FAMILY: Final = "DejaVu"
MARGIN: Final = 12.0  # mm, like all lengths here
WIDTH: Final = 273.0  # between the margins of a sheet across (A4)
_ROW: Final = 4.6
_BASELINE: Final = 3.1  # below the top of a row
_LINE: Final = 3.4  # height of a further line of a cell
_GAP: Final = 1.5  # between neighbouring columns
_BOTTOM: Final = 16.0
_SIZE: Final = 7.0  # points
_GREY: Final = (95, 95, 95)
_INK: Final = (25, 25, 25)
_RULE: Final = (205, 205, 205)
_HEADING: Final = (232, 236, 242)
# fpdf2 writes the number of pages where this stands: signs about as wide as digits, which nobody types.
_PAGES: Final = "⁖⁖⁖⁖"

Cells = Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, *width* wide."""

    heading: str
    width: float
    align: Literal["L", "R"] = "L"


class Sheet(FPDF):
    """Pages of one document; remembers the signs that it could not print."""

    def __init__(self, title: str, running: str, made: datetime, fonts: Family) -> None:
        super().__init__(orientation="L")
        self.missing: dict[str, None] = {}
        self._known, self._running = fonts.glyphs, running
        self._shown: dict[str, str] = {}  # texts repeat from line to line
        self.add_font(FAMILY, fname=fonts.regular)
        self.add_font(FAMILY, style="B", fname=fonts.bold)
        self.alias_nb_pages(_PAGES)
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(True, _BOTTOM)
        self.c_margin = 0  # texts begin where lines and fills do
        self.set_title(title)
        self.set_producer("CRM commission")
        self.set_lang("fr-FR")
        self.set_creation_date(made)  # else that of the clock: other bytes each time
        self.ink(9)
        self.add_page()

    def prepared(self, text: str) -> str:
        """*text* as it can be printed, on one line."""
        shown = self._shown.get(text)
        if shown is None:
            self.missing |= dict.fromkeys(missing([text], self._known))
            shown = self._shown[text] = printable(typeset(" ".join(text.split())), self._known)
        return shown

    def ink(self, size: float, *, bold: bool = False, grey: bool = False) -> None:
        """Choose how what follows is written."""
        self.set_font(FAMILY, style="B" if bold else "", size=size)
        self.set_text_color(*(_GREY if grey else _INK))

    def text_line(self, text: str, height: float, width: float = 0) -> None:
        """Write *text*, broken where it is too long; the pen ends below it, where it began."""
        self.multi_cell(width, height, self.prepared(text), align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)

    def header(self) -> None:
        """From the second page on: which document this is."""
        if self.page_no() > 1:
            self.ink(_SIZE, grey=True)
            self.cell(WIDTH, 4, self.prepared(self._running), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(2)

    def footer(self) -> None:
        """Which document this is, and the number of the page."""
        self.set_xy(MARGIN, self.h - _BOTTOM + 5)
        self.ink(_SIZE, grey=True)
        # On the left: fpdf2 keeps the room of all signs of _PAGES, whatever the number.
        self.cell(WIDTH, 4, f"{self.prepared(self._running)} – page {self.page_no()}/{_PAGES}")

    def rows(self, columns: Sequence[Column], rows: Iterable[Cells]) -> None:
        """Write a table; the headings come again on each page, and no row is cut by the end of one."""
        self._headings(columns)
        for cells in rows:
            lines = [self._lines(cell, column) for cell, column in zip(cells, columns, strict=True)]
            height = _ROW + _LINE * (max(map(len, lines)) - 1)
            if self.will_page_break(height):
                self.add_page()
                self._headings(columns)
            self._row(columns, lines, height)

    def _headings(self, columns: Sequence[Column]) -> None:
        if self.will_page_break(2 * _ROW):  # they stay with the first row
            self.add_page()
        self.ink(_SIZE, bold=True)
        self.set_draw_color(*_RULE)
        self.set_fill_color(*_HEADING)
        self.cell(WIDTH, _ROW, fill=True, new_x=XPos.LMARGIN, new_y=YPos.TOP)
        self._row(columns, [[self.prepared(column.heading)] for column in columns], _ROW)
        self.ink(_SIZE)

    def _row(self, columns: Sequence[Column], lines: Sequence[Sequence[str]], height: float) -> None:
        # text() takes a quarter of the time of cell(), for which ten thousand lines are too many.
        left, top = MARGIN, self.get_y()
        for column, texts in zip(columns, lines, strict=True):
            baseline = top + _BASELINE
            for text in texts:
                inset = column.width - _GAP - self.get_string_width(text) if column.align == "R" else 0
                self.text(left + inset, baseline, text)
                baseline += _LINE
            left += column.width
        self.line(MARGIN, top + height, MARGIN + WIDTH, top + height)
        self.set_xy(MARGIN, top + height)

    def _lines(self, text: str, column: Column) -> list[str]:
        shown, width = self.prepared(text), column.width - _GAP
        # Measuring takes half of the time of a table.
        if len(shown) * self._widest <= width or self.get_string_width(shown) <= width:
            return [shown]
        lines = self.multi_cell(width, _ROW, shown, align="L", dry_run=True, output="LINES")
        assert isinstance(lines, list), "what LINES gives"
        return lines

    @cached_property
    def _widest(self) -> float:
        """Width of the widest sign that codes and figures have."""
        self.ink(_SIZE)
        return max(self.get_string_width(sign) for sign in "MWŒ%€")
