"""Text keys: texts without format characters, accents, ligatures and case, as they are compared (C10).

The only place that computes them; `keys.py` has the columns that store them.
"""

import re
import unicodedata
from typing import Final

# All of Unicode's category Cf, as a table: asking unicodedata for each character takes ten times as long.
_FORMAT: Final = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]+"
)
_LONGEST_KEY: Final = 520  # bytes; the key of 255 œ, the longest name, has 510
# Letters and signs that NFKD leaves as they are (C10).
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
    """The text key of *text*, equal for all of its spellings; the key of a key is the key itself.

    At most 520 bytes, so that an index can hold it: of a longer text the beginning counts.
    """
    key = whole_key(text)
    if len(key) * 4 <= _LONGEST_KEY:
        return key
    return key.encode()[:_LONGEST_KEY].decode(errors="ignore").rstrip()


def whole_key(text: str) -> str:
    """The text key of *text* in full length, for columns that no index holds."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _FORMAT.sub("", text)).casefold())
    bare = "".join(c for c in folded if unicodedata.category(c) != "Mn").translate(_UNDECOMPOSED)
    # Normalised again: without the removed marks, those that stay may belong in another order.
    return " ".join(unicodedata.normalize("NFKD", bare).split())
