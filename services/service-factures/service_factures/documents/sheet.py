"""A sheet that a document is printed on: fonts, colours, running header and footer.

`pages.py` says what stands on it. This is the only module that imports fpdf2 when it is imported.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from pdf_utils import Family, glyphs, missing, printable, typeset

FAMILY: Final = "DejaVu"
_FALLBACK: Final = "Secours"
LEFT: Final = 15.0  # mm, like all lengths here
WIDTH: Final = 180.0
_BOTTOM: Final = 12.0
_FOOTER_LINE: Final = 3.2
_FOOTER_SIZE: Final = 6.5  # points
_GREY: Final = (95, 95, 95)
INK: Final = (25, 25, 25)
_PAPER: Final = (255, 255, 255)
_LIGHT: Final = 150  # of 255, by the relative luminance of ITU-R BT.709
# fpdf2 writes the number of pages where this stands: a sign about as wide as a digit, which nobody types.
_PAGES: Final = "⁖"

Colour = tuple[int, int, int]


class Sheet(FPDF):
    """Pages of one document; remembers the signs that it could not print."""

    def __init__(self, couleur: str, fonts: Family, fallback: Path | None) -> None:
        super().__init__(enforce_compliance="PDF/A-3B")
        self.missing: dict[str, None] = {}
        self.running = ""
        self.footer_lines: list[str] = []
        self.couleur: Colour = (int(couleur[1:3], 16), int(couleur[3:5], 16), int(couleur[5:7], 16))
        self._known = fonts.glyphs
        self.add_font(FAMILY, fname=fonts.regular)
        self.add_font(FAMILY, style="B", fname=fonts.bold)
        if fallback is not None:
            self._fall_back(fallback)
        self.alias_nb_pages(_PAGES)
        self.set_margins(LEFT, LEFT, LEFT)
        self.c_margin = 0  # texts begin where lines and fills do
        self.ink(9)

    def _fall_back(self, font: Path) -> None:
        self._known |= glyphs(font)
        self.add_font(_FALLBACK, fname=font)
        self.set_fallback_fonts([_FALLBACK], exact_match=False)

    @property
    def on_couleur(self) -> Colour:
        """Ink that can be read on the colour of the seller."""
        return _PAPER if self._is_dark() else INK

    @property
    def accent(self) -> Colour:
        """Ink of titles: the colour of the seller, unless it could not be read on paper."""
        return self.couleur if self._is_dark() else INK

    def _is_dark(self) -> bool:
        red, green, blue = self.couleur
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue < _LIGHT

    def set_foot(self, texts: Iterable[str]) -> None:
        """Set what stands at the foot of each page. The first has begun: fpdf2 measures on a page."""
        self.ink(_FOOTER_SIZE)
        for text in filter(None, texts):
            lines = self.multi_cell(WIDTH, _FOOTER_LINE, self.prepared(text), dry_run=True, output="LINES")
            assert isinstance(lines, list), "what LINES gives"
            self.footer_lines += lines
        self.set_auto_page_break(True, _BOTTOM + _FOOTER_LINE * (len(self.footer_lines) + 2))

    def prepared(self, text: str) -> str:
        """*text* as it can be printed."""
        self.missing |= dict.fromkeys(missing([text], self._known))
        return printable(typeset(text), self._known)

    def ink(self, size: float, *, bold: bool = False, colour: Colour = INK) -> None:
        """Choose how what follows is written."""
        self.set_font(FAMILY, style="B" if bold else "", size=size)
        self.set_text_color(*colour)

    def grey(self, size: float) -> None:
        """Choose the ink of labels."""
        self.ink(size, colour=_GREY)

    def block(self, text: str, width: float = WIDTH, height: float = 4.4, align: str = "L") -> None:
        """Write *text* in a column that begins where the pen is; it ends below it."""
        left = self.get_x()
        shown = self.prepared(text)
        self.multi_cell(width, height, shown, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)
        self.set_x(left)

    def header(self) -> None:
        """From the second page on: which document this is."""
        if self.page_no() == 1:
            return
        self.grey(8)
        self.cell(WIDTH, 5, self.prepared(self.running), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(2)

    def footer(self) -> None:
        """Who sells, in the words that the law wants, and the number of the page."""
        top = self.h - _BOTTOM - _FOOTER_LINE * (len(self.footer_lines) + 0.5)
        self.set_draw_color(200, 200, 200)
        self.line(LEFT, top - 1.5, LEFT + WIDTH, top - 1.5)
        self.set_xy(LEFT, top)
        self.grey(_FOOTER_SIZE)
        for line in self.footer_lines:
            self.cell(WIDTH, _FOOTER_LINE, line, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page = f"{self.running} – page {self.page_no()}/{_PAGES}"
        self.cell(WIDTH, _FOOTER_LINE, self.prepared(page), align="R")
