"""The fonts that documents embed, and what they cannot print."""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "fonts"
REGULAR: Final = _FOLDER / "DejaVuSans.ttf"
BOLD: Final = _FOLDER / "DejaVuSans-Bold.ttf"
UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"  # stands where no font has the glyph: fpdf2 would leave it out


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
