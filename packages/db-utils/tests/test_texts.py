"""Text keys (C10): equal for all spellings of a text."""

import sys
import unicodedata

import pytest
from db_utils import text_key, without_format
from db_utils.texts import whole_key
from hypothesis import given, settings
from hypothesis import strategies as st

KNOWN = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cn", "Co", "Cs")]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Straße", "strasse"),
        ("L’Haÿ‑les‑Roses", "l'hay-les-roses"),
        ("Nguyễn", "nguyen"),
        ("Łódź", "lodz"),
        ("Œuvre", "oeuvre"),
        ("Æsir Ørsted Đuro ðe Þór Ħal ınce", "aesir orsted duro de thor hal ince"),
        ("ʼt ‘Hof’ a‐b", "'t 'hof' a-b"),
        (" \tDE  LA\nTour\xa0", "de la tour"),
        ("\ufeffMar\u200btin\u00ad", "martin"),
        ("ﬁ ½ Ⅷ", "fi 1⁄2 viii"),
        ("İstanbul", "istanbul"),
        ("", ""),
        ("\u0301", ""),
    ],
)
def test_C10_the_key_of_a_text(text: str, key: str) -> None:
    """Without format characters, case, accents and ligatures; white space is single and inside."""
    assert text_key(text) == key


def test_C10_the_key_of_every_character_is_its_own_key() -> None:
    """For every character of Unicode."""
    keys = whole_key(" x ".join(KNOWN)).split("x")
    again = whole_key("x".join(keys)).split("x")
    assert [pair for pair in zip(keys, again, strict=True) if pair[0] != pair[1]] == []


@settings(max_examples=150)
@given(st.text())
def test_C10_the_key_of_a_key_is_itself(text: str) -> None:
    """And it holds no mark and no format character."""
    key = text_key(text)
    assert (text_key(key), {unicodedata.category(c) for c in key} & {"Mn", "Cf"}) == (key, set())


@settings(max_examples=80)
@given(st.text())
def test_C10_forms_of_unicode_share_a_key(text: str) -> None:
    """Composed and decomposed texts."""
    assert text_key(unicodedata.normalize("NFC", text)) == text_key(text)
    assert text_key(unicodedata.normalize("NFKD", text)) == text_key(text)


def test_C10_every_format_character_goes() -> None:
    """All of Unicode's category Cf and nothing else."""
    kept = set(without_format("".join(KNOWN)))
    assert [c for c in KNOWN if c not in kept] == [c for c in KNOWN if unicodedata.category(c) == "Cf"]
