"""Texts as banks accept them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_payments.sepa_texts import sepa_text

_ALLOWED = re.compile(r"[A-Za-z0-9/?:().,'+ -]*")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Hélène & Cie – œuvre", "Helene Cie - oeuvre"),
        ("北京 公司", "Bei Jing Gong Si"),
        ("  Jean   Dupont ", "Jean Dupont"),
        ('A&B<C>#_!"%*;=$[]{}@', "A B C"),
        ("//rue// du /Bac/ /", "rue/ du /Bac"),
        ("L’Haÿ‑les‑Roses", "L'Hay-les-Roses"),
        ("& @ #", ""),
        ("", ""),
    ],
)
def test_R29_a_text_keeps_latin_letters_and_few_signs(text: str, written: str) -> None:
    """Letters lose their accents, other signs become one space, `/` never stands at an end or twice."""
    assert written == sepa_text(text, 70)


def test_R29_a_text_is_cut_last() -> None:
    """What becomes the end by the cut is no space and no slash either."""
    assert sepa_text("a" * 69 + "/bc", 70) == "a" * 69
    assert len(sepa_text("œ" * 100, 70)) == 70


@given(st.text(max_size=200))
def test_R29_whatever_comes_is_written_in_the_signs_of_sepa(text: str) -> None:
    """And what was written once stays as it is."""
    written = sepa_text(text, 70)
    assert _ALLOWED.fullmatch(written)
    assert len(written) <= 70
    assert "//" not in written
    assert written == written.strip(" /")
    assert sepa_text(written, 70) == written
