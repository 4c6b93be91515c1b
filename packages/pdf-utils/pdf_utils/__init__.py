"""What printed documents of several services share: embedded fonts, and figures as French sets them.

Importing this package imports neither fpdf2 nor fontTools: services that print nothing pay nothing.
"""

from pdf_utils.fonts_of_pages import EVERYDAY, UNKNOWN, WHOLE, Family, close_fonts, glyphs, missing, printable
from pdf_utils.french import NO_BREAK, amount, day, figure, percent, typeset

__all__ = [
    "EVERYDAY",
    "NO_BREAK",
    "UNKNOWN",
    "WHOLE",
    "Family",
    "amount",
    "close_fonts",
    "day",
    "figure",
    "glyphs",
    "missing",
    "percent",
    "printable",
    "typeset",
]
