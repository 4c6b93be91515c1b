"""clean_text and clean_lines: the stored form of texts in requests (C10)."""

import sys
import unicodedata

import pytest
from grpc_utils import clean_lines, clean_text, outer_text
from grpc_utils.errors import FormatInvalide

CONTROLS = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"
]


def test_no_control_character_gets_through() -> None:
    """Every character of the categories Cc and Cs but line feed and tab is refused."""
    accepted = []
    for character in CONTROLS:
        try:
            accepted.append(clean_text(f"a{character}b", "nom"))
        except FormatInvalide:
            continue
    assert accepted == []


@pytest.mark.parametrize("character", ["\n", "\t", " ", "\xa0", "é", "\u2028", "\U0001f600"])
def test_other_characters_stay(character: str) -> None:
    """Line feed, tab, inner spaces, accents and emoji are unchanged inside a text."""
    assert clean_text(f"a{character}b", "nom") == f"a{character}b"


def test_texts_are_trimmed_and_composed() -> None:
    """Text is stored in Unicode NFC, without the white space around it."""
    assert clean_text(" \te\u0301\n", "nom") == "é"


@pytest.mark.parametrize("text", ["\ufeffMartin", "Mar\u200btin", " \u202eMartin\u00ad \u200e"])
def test_C10_format_characters_are_removed(text: str) -> None:
    """Removal comes before trimming, so white space beside a removed character goes too."""
    assert clean_text(text, "nom") == "Martin"


def test_C10_texts_of_many_lines_keep_format_characters() -> None:
    """A zero-width joiner inside a description stays, because it makes one emoji of two."""
    assert clean_lines(" \U0001f468\u200d\U0001f469\n", "description") == "\U0001f468\u200d\U0001f469"


@pytest.mark.parametrize("told", [None, 7, [], {}, True, "a\u0000b", "a\ud800b"])
def test_what_a_party_outside_tells_may_be_anything(told: object) -> None:
    """A value that is no text, or none that can be stored, counts as not told."""
    assert outer_text(told, 100) == ""


def test_what_a_party_outside_tells_is_cut() -> None:
    """A text is cleaned before it is cut, and has no white space at its new end."""
    assert outer_text(" Jean\u200b Paul", 5) == "Jean"
