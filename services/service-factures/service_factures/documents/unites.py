"""The units of lines: what people write, and its code of UN/ECE Recommendation 20 (R28)."""

from typing import Final

from db_utils import text_key

DEFAUT: Final = "unité"
UNKNOWN: Final = "C62"  # "one"
_CODES: Final = {
    "C62": ("unité", "pièce", "forfait"),
    "MIN": ("minute",),
    "HUR": ("heure", "h"),
    "DAY": ("jour",),
    "WEE": ("semaine",),
    "MON": ("mois",),
    "ANN": ("an", "année"),
    "KGM": ("kg",),
    "TNE": ("tonne", "t"),
    "MTR": ("m",),
    "MTK": ("m²",),
    "MTQ": ("m³",),
    "KMT": ("km",),
    "LTR": ("litre", "l"),
}
_BY_KEY: Final = {text_key(word): code for code, words in _CODES.items() for word in words}


def unit_code(unite: str) -> str:
    """BT-130 of *unite*, C62 for one that nobody knows; "" is the default."""
    return _known(unite) or UNKNOWN


def described(description: str, unite: str) -> str:
    """*description* with the unit behind it where its code does not say which one it is."""
    suffix = f" ({unite})"
    return description if _known(unite) or description.endswith(suffix) else description + suffix


def _known(unite: str) -> str | None:
    key = text_key(unite or DEFAUT)
    singular = key.removesuffix("s") if len(key) > 2 else key  # "ms" are no metres
    return _BY_KEY.get(key) or _BY_KEY.get(singular)
