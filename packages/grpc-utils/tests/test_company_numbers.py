"""Numbers of French companies: SIREN, SIRET, VAT (C10)."""

import string

import pytest
from grpc_utils import siren_number, siret_number, vat_number
from grpc_utils.errors import FormatInvalide
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))
# SIREN of public companies, from an independent list.
SIRENS = ("732829320", "552100554", "443061841")


@pytest.mark.parametrize("typed", ["732829320", "732 829 320", " 732829320 "])
def test_a_siren_is_stored_without_spaces(typed: str) -> None:
    """Spaces between and around nine digits are removed."""
    assert siren_number(typed, "siren") == "732829320"


@given(st.sampled_from(SIRENS), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_found(number: str, place: int, shift: int) -> None:
    """The check digit of a SIREN detects each mistyped digit."""
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(FormatInvalide):
        siren_number(wrong, "siren")


@pytest.mark.parametrize("typed", ["73282932000074", "732 829 320 00074"])
def test_a_siret_is_stored_without_spaces(typed: str) -> None:
    """Spaces between the fourteen digits are removed."""
    assert siret_number(typed, "siret") == "73282932000074"


def test_establishments_of_la_poste_have_a_check_of_their_own() -> None:
    """The digits of their SIRET add up to a multiple of five; its head office has the usual check."""
    assert siret_number("35600000049837", "siret") == "35600000049837"
    assert siret_number("35600000000048", "siret") == "35600000000048"


@pytest.mark.parametrize(
    "typed", ["73282932000079", "7328293200007", "732829320000740", "73282932100073", "SIRET"]
)
def test_a_wrong_siret_is_refused(typed: str) -> None:
    """A wrong check digit, thirteen or fifteen digits, a wrong SIREN inside, or no number is refused."""
    with pytest.raises(FormatInvalide) as refused:
        siret_number(typed, "siret")
    assert refused.value.metadata == {"champ": "siret"}


@pytest.mark.parametrize("typed", ["000000000", "000 000 000"])
def test_C10_a_siren_of_zeros_is_refused(typed: str) -> None:
    """INSEE has never given the number, although its check digit is right."""
    with pytest.raises(FormatInvalide) as refused:
        siren_number(typed, "siren")
    assert refused.value.metadata == {"champ": "siren"}


@pytest.mark.parametrize("typed", ["00000000000000", "000 000 000 00018"])
def test_C10_a_siret_that_begins_with_a_siren_of_zeros_is_refused(typed: str) -> None:
    """The establishment does not matter, nor that both check digits are right."""
    with pytest.raises(FormatInvalide) as refused:
        siret_number(typed, "siret")
    assert refused.value.metadata == {"champ": "siret"}


def test_an_empty_siret_or_vat_number_is_none() -> None:
    """A company need not have these two numbers."""
    assert (siret_number("", "siret"), vat_number("", "732829320", "numero_tva")) == (None, None)


@pytest.mark.parametrize("typed", ["FR44732829320", "fr44732829320", "FR 44 732 829 320"])
def test_a_french_vat_number_embeds_the_siren(typed: str) -> None:
    """A VAT number is stored in capitals without spaces; with the SIREN of another company it is refused."""
    assert vat_number(typed, "732829320", "numero_tva") == "FR44732829320"
    with pytest.raises(FormatInvalide) as refused:
        vat_number(typed, "552100554", "numero_tva")
    assert refused.value.metadata == {"champ": "numero_tva"}


def test_a_french_siren_may_begin_like_a_number_of_monaco() -> None:
    """A SIREN that begins with three zeros is embedded in the VAT number of its company."""
    assert siren_number("000 325 175", "siren") == "000325175"
    assert vat_number("FR08000325175", "000325175", "numero_tva") == "FR08000325175"


def test_a_vat_number_of_monaco_embeds_no_siren() -> None:
    """A company without a SIREN may have one (FR, three zeros); a company with a SIREN may not."""
    assert vat_number("FR 90 000 012 345", None, "numero_tva") == "FR90000012345"
    for typed, siren in (("FR90000012345", "732829320"), ("FR44732829320", None), ("FR12000000000", None)):
        with pytest.raises(FormatInvalide):
            vat_number(typed, siren, "numero_tva")


@pytest.mark.parametrize("typed", ["EL094259216", "GR 094259216"])
def test_a_greek_vat_number_begins_with_el(typed: str) -> None:
    """A number typed with GR, the code of the country, is stored with EL."""
    assert vat_number(typed, None, "numero_tva") == "EL094259216"


def test_a_foreign_vat_number_is_not_compared_with_the_siren() -> None:
    """A company registered in France may declare VAT in another member state."""
    assert vat_number("BE 0403.170.701", "732829320", "numero_tva") == "BE0403170701"


@given(st.text(string.ascii_letters + string.digits + "²½٣ .-", max_size=16) | TEXTS)
def test_any_text_is_a_vat_number_or_is_refused(text: str) -> None:
    """Any text gives a number of at most 20 characters, None or FORMAT_INVALIDE, no other error."""
    try:
        number = vat_number(text, "732829320", "numero_tva")
    except FormatInvalide:
        return
    assert number is None or len(number) <= 20
