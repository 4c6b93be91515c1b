"""Texts as banks accept them in SEPA messages (R29): Latin letters without accents, and few signs."""

import re
from typing import Final

from text_unidecode import unidecode

LONGEST_NAME: Final = 70
LONGEST_LABEL: Final = 140
LONGEST_ID: Final = 35
LONGEST_TOWN: Final = 35
LONGEST_POSTCODE: Final = 16

_FOREIGN: Final = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
_SPACES: Final = re.compile(r" {2,}")
_SLASHES: Final = re.compile(r"/{2,}")


def sepa_text(text: str, longest: int) -> str:
    """Write *text* in the characters of SEPA, cut at *longest*; empty when nothing of it can be kept (R29).

    Rules for `/`: EPC230-15 section 1.4 refuses it at both ends, and twice in a row.
    """
    latin = _FOREIGN.sub(" ", unidecode(text))
    plain = _SLASHES.sub("/", _SPACES.sub(" ", latin)).strip(" /")
    return plain[:longest].rstrip(" /")
