"""Phone numbers as typed in France and overseas, and their stored forms (R5).

The cases are the tables of the rule, each line as phonenumbers 9.0.43 reads it.
"""

import re

import phonenumbers
import pytest
from grpc_utils.errors import FormatInvalide
from hypothesis import example, given, settings
from hypothesis import strategies as st
from service_clients import phones

UNTIMED = settings(deadline=None)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))


@pytest.mark.parametrize(
    "typed",
    [
        "0612345678",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "06-12-34-56-78",
        "612345678",
        "33612345678",
        "+33612345678",
        "0033612345678",
        "+33 (0)6 12 34 56 78",
        "06 12 34 56 78 ext. 12",
        "tel:0612345678",
        "０６１２３４５６７８",
        "06\u00a012\u202f34\u200956\t78",
    ],
)
def test_R05_spellings_of_a_phone_give_one_number(typed: str) -> None:
    """All spellings of a French number give the same two forms."""
    assert phones.read(typed) == ("+33612345678", "0612345678")


@pytest.mark.parametrize(
    ("typed", "e164", "national"),
    [
        ("0262 20 12 34", "+262262201234", "0262201234"),
        ("0263 10 12 34", "+262263101234", "0263101234"),
        ("0692 12 34 56", "+262692123456", "0692123456"),
        ("0693 12 34 56", "+262693123456", "0693123456"),
        ("693123456", "+262693123456", "0693123456"),
        ("0269 61 12 34", "+262269611234", "0269611234"),
        ("0639 01 23 45", "+262639012345", "0639012345"),
        ("0639 12 34 56", "+262639123456", "0639123456"),
        ("0590 82 12 34", "+590590821234", "0590821234"),
        ("0590 27 12 34", "+590590271234", "0590271234"),
        ("0690 00 12 34", "+590690001234", "0690001234"),
        ("0691 28 12 34", "+590691281234", "0691281234"),
        ("0594 30 12 34", "+594594301234", "0594301234"),
        ("0694 20 12 34", "+594694201234", "0694201234"),
        ("0596 60 12 34", "+596596601234", "0596601234"),
        ("0696 12 34 56", "+596696123456", "0696123456"),
        ("0697 12 34 56", "+596697123456", "0697123456"),
        ("0508 41 12 34", "+508411234", "0411234"),
        ("508411234", "+508411234", "0411234"),
        ("0508 01 23 45", "+508012345", "012345"),
    ],
)
def test_R05_a_prefix_of_an_overseas_territory_is_its_country(typed: str, e164: str, national: str) -> None:
    """A prefix decides, even for numbers merely possible there or valid in France too."""
    assert phones.read(typed) == (e164, national)
    assert phones.read(re.sub(" ", "", typed)) == (e164, national)


@pytest.mark.parametrize(
    ("typed", "e164", "national"),
    [
        ("0708 41 12 34", "+508708411234", "708411234"),
        ("0709 00 12 34", "+590709001234", "0709001234"),
        ("0709 10 12 34", "+596709101234", "0709101234"),
        ("0709 20 12 34", "+262709201234", "0709201234"),
        ("0709 30 12 34", "+594709301234", "0709301234"),
        ("87 12 34 56", "+68987123456", "87123456"),
        ("262692123456", "+262692123456", "0692123456"),
        ("689 87 12 34 56", "+68987123456", "87123456"),
    ],
)
def test_R05_what_is_not_french_is_tried_overseas(typed: str, e164: str, national: str) -> None:
    """A number not valid in France is that of the first territory where it is valid."""
    assert phones.read(typed) == (e164, national)


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("0695 12 34 56", "+33695123456"),
        ("0976 12 34 56", "+33976123456"),
        ("0801 23 45 67", "+33801234567"),
        ("0708 12 34 56", "+33708123456"),
        ("0495 12 34 56", "+33495123456"),
        ("0187 12 34 56", "+33187123456"),
    ],
)
def test_R05_other_numbers_stay_french(typed: str, e164: str) -> None:
    """Other numbers that are valid or possible in France are French."""
    assert phones.read(typed) == (e164, "0" + e164[3:])


@pytest.mark.parametrize(
    ("typed", "e164", "national"),
    [
        ("+262692123456", "+262692123456", "0692123456"),
        ("00262692123456", "+262692123456", "0692123456"),
        ("+33692123456", "+33692123456", "0692123456"),
        ("0033 692 12 34 56", "+33692123456", "0692123456"),
        ("33692123456", "+33692123456", "0692123456"),
        ("+508 41 12 34", "+508411234", "0411234"),
        ("+687 20 12 34", "+687201234", "201234"),
        ("+681 72 12 34", "+681721234", "721234"),
        ("+377 93 15 26 00", "+37793152600", "93152600"),
        ("+32 470 12 34 56", "+32470123456", "0470123456"),
        ("+41 (0)22 345 67 89", "+41223456789", "0223456789"),
        ("+39 06 1234 5678", "+390612345678", "0612345678"),
        ("+1 202 555 0123", "+12025550123", "2025550123"),
    ],
)
def test_R05_a_number_with_its_country_code_keeps_it(typed: str, e164: str, national: str) -> None:
    """A country code written with + or 00 stays; the national form is that of its country."""
    assert phones.read(typed) == (e164, national)


@pytest.mark.parametrize(
    "typed",
    [
        "0612345",
        "20 12 34",
        "06123456",
        "06 12 34 56 7",
        "08 71 23 45 6",
        "06 12 34 56 78 9",
        "+33 6 12 34 56 7",
        "00 00 00 00 00",
        "+33 0 00 00 00 00",
        "3631",
        "112",
        "12",
        "06",
        "abc",
        "06 12 34 56 78 / 01 40 00 00 00",
        "01 40 00 00 00 poste 12",
        "+999123456789",
        "0" * 29,
        "+49 123456789012345",
    ],
)
def test_R05_an_impossible_phone_is_refused(typed: str) -> None:
    """A digit too few or too many, only zeros and more than 15 digits are FORMAT_INVALIDE."""
    with pytest.raises(FormatInvalide) as refused:
        phones.read(typed)
    assert refused.value.metadata == {"champ": "telephone"}


def test_R05_a_phone_is_kept_as_typed_beside_its_two_forms() -> None:
    """The columns hold the typed text, the international and the national form."""
    assert phones.columns("0692 12 34 56") == {
        "telephone": "0692 12 34 56",
        "telephone_e164": "+262692123456",
        "telephone_national": "0692123456",
    }


def test_R05_no_phone_is_no_number() -> None:
    """An empty phone has NULL in all three columns."""
    assert phones.columns("") == dict.fromkeys(("telephone", "telephone_e164", "telephone_national"))


@UNTIMED
@given(st.from_regex(r"[1-9][0-9]{8}", fullmatch=True), st.sampled_from(["", " ", ".", "-"]))
@example("263101234", " ")
@example("508000000", "")
@example("708411234", ".")
def test_R05_a_plainly_written_number_is_read_like_any_other(digits: str, separator: str) -> None:
    """The fast path for plain digits agrees with the parser of the library."""
    pairs = [("0" + digits)[i : i + 2] for i in range(0, 10, 2)]
    assert _read(separator.join(pairs)) == _read("/".join(pairs))


@UNTIMED
@given(st.from_regex(r"[1-9][0-9]{8}", fullmatch=True))
def test_R05_the_national_form_of_a_french_number_is_that_of_the_library(digits: str) -> None:
    """The national form written here for France equals that of the library."""
    shown = phonenumbers.format_number(
        phonenumbers.PhoneNumber(33, int(digits)), phonenumbers.PhoneNumberFormat.NATIONAL
    )
    assert "0" + digits == re.sub(r"\D", "", shown)
    assert phones.read("+33" + digits) == ("+33" + digits, "0" + digits)


@UNTIMED
@given(TEXTS | st.text("+0123456789() .-", max_size=30))
@example("+687 000000")
def test_R05_any_text_is_a_number_that_fits_or_is_refused(text: str) -> None:
    """Any text gives forms that fit their columns, or FORMAT_INVALIDE and nothing else."""
    number = _read(text)
    if number is not None:
        assert re.fullmatch(r"\+[0-9]{1,15}", number.e164)
        assert re.fullmatch(r"[0-9]{1,16}", number.national)


@UNTIMED
@given(st.text("0123456789", min_size=6, max_size=12))
def test_R05_what_is_stored_is_read_as_itself(digits: str) -> None:
    """The E.164 form of a number is read as that number."""
    number = _read(digits)
    assert number is None or phones.read(number.e164) == number


def _read(text: str) -> phones.Telephone | None:
    try:
        return phones.read(text)
    except FormatInvalide:
        return None
