"""Phone numbers: from the text that somebody typed to the forms that are stored and searched (R5).

Pure. Two clients have the same phone when its E.164 forms are equal (R4).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import phonenumbers
from grpc_utils.errors import FormatInvalide
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, PhoneNumberFormat

_FRANCE = 33
_SAINT_PIERRE = 508
# Country codes by the prefix that is dialled in the territory. The prefix decides, and not what
# the library calls valid: its metadata change with each version, and those of FR hold 0263, 0269,
# 0508 and 0596 too (docs/decisions/0013).
_OVERSEAS: Mapping[str, int] = {
    **dict.fromkeys(("262", "263", "269", "639", "692", "693"), 262),  # La Réunion, Mayotte
    **dict.fromkeys(("590", "690", "691"), 590),  # Guadeloupe, Saint-Barthélemy, Saint-Martin
    **dict.fromkeys(("594", "694"), 594),  # Guyane
    **dict.fromkeys(("596", "696", "697"), 596),  # Martinique
    "508": _SAINT_PIERRE,
}
# Regions of other numbers that are not valid in France; the first in which they are valid has them.
_TRIED = ("RE", "YT", "GP", "GF", "MQ", "PM", "BL", "MF", "NC", "PF", "WF")
_NINE = 9  # significant digits of a French number
_AMBIGUOUS = 6  # digits of numbers valid in PM and NC alike, and of many French mobiles cut short
_FRENCH_E164 = re.compile(r"\+33[1-9][0-9]{8}")
_LONGEST_E164 = len("+") + 15  # ITU-T E.164 section 6.1
_SEPARATORS = str.maketrans("", "", " .-")
_PLAIN = re.compile(r"0[1-9][0-9]{8}")


class Telephone(NamedTuple):
    """Phone number in international form and in that of its own country, without separators."""

    e164: str
    national: str


def columns(text: str) -> dict[str, Any]:
    """Columns of a phone number as typed, NULL when empty. Raises FormatInvalide."""
    number = read(text) if text else None
    return {
        "telephone": text or None,
        "telephone_e164": number and number.e164,
        "telephone_national": number and number.national,
    }


def read(text: str) -> Telephone:
    """Stored forms of the number typed as *text*.

    Without a country code the number is French or of an overseas territory. Raises FormatInvalide
    for an impossible number.
    """
    # The library knows few kinds of space; French typography uses the narrow no-break space.
    number = _number(" ".join(text.split()))
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(number) or len(e164) > _LONGEST_E164:
        raise _refused()
    if number.country_code != _FRANCE:
        return Telephone(e164, national(number))
    if not _FRENCH_E164.fullmatch(e164):
        raise _refused()
    return Telephone(e164, "0" + e164[len("+33") :])


def whole(text: str) -> Sequence[str]:
    """Stored forms of a searched text that is a complete number, none when it is not (C8)."""
    try:
        return read(text)
    except FormatInvalide:
        return ()


def national(number: PhoneNumber) -> str:
    """Digits that are dialled within the country of *number*."""
    shown = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return "".join(character for character in shown if character.isdigit())


def _number(text: str) -> PhoneNumber:
    digits = text.translate(_SEPARATORS)
    if _PLAIN.fullmatch(digits):  # most of what is typed; the library's parser would double the cost
        return _of_territory(text, PhoneNumber(_FRANCE, int(digits)))
    number = _parsed(text, "FR")
    without_code = number.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY
    return _of_territory(text, number) if without_code else number


def _of_territory(text: str, number: PhoneNumber) -> PhoneNumber:
    """Number that was read as French, given the country code of the territory that it belongs to."""
    digits = phonenumbers.national_significant_number(number)
    code = _OVERSEAS.get(digits[:3]) if len(digits) == _NINE else None
    if code is not None:
        return _parsed(f"+{code}{digits[3:] if code == _SAINT_PIERRE else digits}")
    if phonenumbers.is_valid_number_for_region(number, "FR"):
        return number
    return next((other for region in _TRIED if (other := _valid(text, region))), number)


def _valid(text: str, region: str) -> PhoneNumber | None:
    """Number that *text* is when dialled in *region*, None if it is not valid there."""
    number = _parsed(text, region)
    if len(phonenumbers.national_significant_number(number)) == _AMBIGUOUS:
        return None
    return number if phonenumbers.is_valid_number_for_region(number, region) else None


def _parsed(text: str, region: str | None = None) -> PhoneNumber:
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except NumberParseException:
        raise _refused() from None
    number.raw_input = number.extension = None  # the library's formats would show them
    return number


def _refused() -> FormatInvalide:
    return FormatInvalide(champ="telephone")
