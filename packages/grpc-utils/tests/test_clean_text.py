"""Which texts a request may hold (C10)."""

import sys
import unicodedata

import pytest
from grpc_utils import clean_lines, clean_text
from grpc_utils.errors import FormatInvalide

CONTROLS = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"
]


def test_no_control_character_gets_through() -> None:
    """Whichever category Cc or Cs holds, line feed and tab aside."""
    accepted = []
    for character in CONTROLS:
        try:
            accepted.append(clean_text(f"a{character}b", "nom"))
        except FormatInvalide:
            continue
    assert accepted == []


@pytest.mark.parametrize("character", ["\n", "\t", " ", "\xa0", "é", "\u2028", "\U0001f600"])
def test_other_characters_stay(character: str) -> None:
    """As they are."""
    assert clean_text(f"a{character}b", "nom") == f"a{character}b"


def test_texts_are_trimmed_and_composed() -> None:
    """Unicode NFC, without the white space around."""
    assert clean_text(" \te\u0301\n", "nom") == "é"


@pytest.mark.parametrize("text", ["\ufeffMartin", "Mar\u200btin", " \u202eMartin\u00ad \u200e"])
def test_C10_format_characters_go(text: str) -> None:
    """Before anything else: what stands behind them is trimmed."""
    assert clean_text(text, "nom") == "Martin"


def test_C10_texts_of_many_lines_keep_format_characters() -> None:
    """They join what is written there."""
    assert clean_lines(" \U0001f468\u200d\U0001f469\n", "description") == "\U0001f468\u200d\U0001f469"
