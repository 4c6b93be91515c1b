"""Texts as they are compared: without what readers do not see, accents, ligatures and case (C10).

The one place that makes the key of a text; which columns have one is told by `keys.py`.
"""

import re
import unicodedata
from typing import Final

# Unicode's category Cf: a table, because asking for each character costs ten times as much.
_FORMAT: Final = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]+"
)
_LONGEST_KEY: Final = 520  # bytes; a name of 255 œ has 510
_UNDECOMPOSED: Final = str.maketrans(
    {
        "œ": "oe",
        "æ": "ae",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ı": "i",
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "‐": "-",
        "‑": "-",
    }
)


def without_format(text: str) -> str:
    """*text* without format characters (Unicode Cf): zero-width, BOM, bidi controls, soft hyphen."""
    return text if text.isascii() else _FORMAT.sub("", text)


def text_key(text: str) -> str:
    """What all spellings of *text* share; the key of a key is itself.

    Of a text that is longer than any name, the beginning: an index must hold it.
    """
    if text.isascii():
        return " ".join(text.lower().split())[:_LONGEST_KEY].rstrip()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _FORMAT.sub("", text)).casefold())
    bare = "".join(c for c in folded if unicodedata.category(c) != "Mn").translate(_UNDECOMPOSED)
    # Marks that stay may stand in another order once those between them are gone.
    key = " ".join(unicodedata.normalize("NFKD", bare).split())
    if len(key) * 4 <= _LONGEST_KEY:
        return key
    return key.encode()[:_LONGEST_KEY].decode(errors="ignore").rstrip()
