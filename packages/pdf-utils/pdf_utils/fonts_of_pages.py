"""The fonts that documents embed, and what they cannot print."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fpdf import FPDF

_FOLDER: Final = Path(__file__).parent / "fonts"
UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"  # stands where no font has the glyph: fpdf2 would leave it out


@dataclass(frozen=True, slots=True)
class Family:
    """Two cuts of a font."""

    regular: Path
    bold: Path

    @property
    def glyphs(self) -> frozenset[int]:
        """Code points that both cuts have a glyph for."""
        return glyphs(self.regular) & glyphs(self.bold)


# What European languages write. Half the processor time of a document is that of reading the whole fonts.
EVERYDAY: Final = Family(_FOLDER / "DejaVuSans-Everyday.ttf", _FOLDER / "DejaVuSans-Bold-Everyday.ttf")
WHOLE: Final = Family(_FOLDER / "DejaVuSans.ttf", _FOLDER / "DejaVuSans-Bold.ttf")


@cache
def glyphs(font: Path) -> frozenset[int]:
    """Code points that *font* has a glyph for. Raises OSError, fontTools' TTLibError."""
    from fontTools.ttLib import TTFont

    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def missing(texts: Iterable[str], known: Collection[int]) -> tuple[str, ...]:
    """Signs of *texts* that are not among *known*, each once, in the order in which they occur.

    White space is none of them: it is set as a space or ends a line.
    """
    found = dict.fromkeys(sign for text in texts for sign in text)
    return tuple(sign for sign in found if ord(sign) not in known and not sign.isspace())


def printable(text: str, known: Collection[int]) -> str:
    """*text* with UNKNOWN for what is not among *known*."""
    return text.translate(dict.fromkeys(map(ord, missing([text], known)), UNKNOWN))


def close_fonts(pdf: "FPDF") -> None:
    """Close the font files of *pdf*, which fpdf2 2.8.9 leaves open until the collector finds it."""
    from fpdf.fonts import TTFFont

    for font in pdf.fonts.values():
        if isinstance(font, TTFFont):
            font.close()
