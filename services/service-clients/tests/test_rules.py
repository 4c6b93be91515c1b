"""Rules as pure functions: keys of names, emails, codes, dates, postcodes, partner links."""

import unicodedata
from datetime import UTC, date, datetime

import pytest
from crm.clients import clients_pb2 as pb
from db_utils import clock, text_key
from grpc_utils import email_address, person_name
from grpc_utils.errors import DateInvalide, FormatInvalide
from hypothesis import example, given, settings
from hypothesis import strategies as st
from service_clients import rules
from service_clients.models import ClientBase

UNTIMED = settings(deadline=None)
# Two characters are left out because their capitals are of another kind: that of the deprecated ŉ
# begins with an apostrophe, which parts names, and that of a combining iota is a letter.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\u0149\u0345"))
NFC_TEXTS = TEXTS.map(lambda text: unicodedata.normalize("NFC", text))
LATE_IN_PARIS = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # 00:30 on 2 July in Paris


@pytest.mark.parametrize(
    "spelling", ["Lefèvre", "LEFEVRE", "lefevre", " le\u0301fe\u0300vre ", "ＬＥＦÈＶＲＥ", "\u0301lefevre"]
)
def test_R03_spellings_share_a_key(spelling: str) -> None:
    """Accents, case, width and spaces around do not change the key of a name."""
    assert text_key(spelling) == "lefevre"


def test_R03_parts_stay_parts() -> None:
    """Spaces inside a key collapse to one and remain; a hyphen is not a space."""
    assert (text_key("De   La Tour"), text_key("De-La Tour")) == ("de la tour", "de-la tour")


@UNTIMED
@given(NFC_TEXTS)
@example("´dupont")
@example("\ufdfa" * 100)
@example("ß" * 100)
def test_R03_the_key_of_a_name_is_that_of_its_stored_form(text: str) -> None:
    """A typed name and its stored form have the same key, so that Search finds it."""
    assert text_key(text) == text_key(person_name(text))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Jean.DUPONT@Example.FR", "jean.dupont@example.fr"),
        ("jean@MÜNCHEN.example.com", "jean@münchen.example.com"),
        ("jean@xn--mnchen-3ya.example.com", "jean@münchen.example.com"),
        ("élise@example.fr", "élise@example.fr"),
        ("", None),
    ],
)
def test_R06_an_email_has_one_spelling(typed: str, stored: str | None) -> None:
    """Emails are stored in lower case, international domains in letters and not in punycode."""
    assert email_address(typed, "email") == stored


@pytest.mark.parametrize("code", ["vip-7", "VIP-7"])
def test_R07_a_given_code_is_upper_cased(code: str) -> None:
    """A chosen code is stored in capitals."""
    assert rules.account_code(code) == "VIP-7"


@pytest.mark.parametrize("code", ["A B", "é", "ß", "ı", "A_B", "A" * 51, "A\n"])
def test_R07_a_given_code_has_a_form(code: str) -> None:
    """A code of other characters than letters, digits and hyphens, or of over 50, is refused."""
    with pytest.raises(FormatInvalide):
        rules.account_code(code)


@pytest.mark.parametrize("text", ["1899-12-31", "2026-07-03", "2026-02-30", "20260101", "1990-1-1", "hier"])
def test_R08_a_birth_is_a_day_between_1900_and_today(text: str) -> None:
    """A day outside the bounds and a text that is no date are DATE_INVALIDE with the field."""
    with clock.frozen_at(LATE_IN_PARIS), pytest.raises(DateInvalide) as refused:
        rules.birth_date(text)
    assert refused.value.metadata == {"champ": "date_naissance"}


def test_R08_today_is_the_day_in_paris() -> None:
    """Half past midnight in Paris counts as the new day, although UTC has the old one."""
    with clock.frozen_at(LATE_IN_PARIS):
        assert rules.birth_date("2026-07-02") == date(2026, 7, 2)
    assert rules.birth_date("1900-01-01") == date(1900, 1, 1)
    assert rules.birth_date("") is None


@pytest.mark.parametrize(
    ("code", "pays"),
    [
        ("75001", "France"),
        ("20000", "France"),
        ("20250", "France"),
        ("92095", "France"),
        ("97400", "France"),
        ("97133", "France"),
        ("98800", "France"),
        ("00100", "France"),
        ("97410", "La Réunion"),
        ("98000", "Monaco"),
        ("1000", "Belgique"),
        ("3000", "Suisse"),
        ("SW1A 1AA", "Royaume-Uni"),
        ("D02 AF30", "Irlande"),
        ("1234-567", "Portugal"),
    ],
)
def test_R14_a_postcode_is_that_of_its_country(code: str, pays: str) -> None:
    """Postcodes of Corsica, CEDEX, overseas and the army are French; others have any form."""
    rules.check_postcode(code, pays)


@pytest.mark.parametrize(
    ("code", "pays"),
    [
        ("7500", "France"),
        ("750011", "france"),
        ("75 001", "France"),
        ("F-75001", "France"),
        ("2A004", "FRANCE"),
        ("７５００１", "France"),
    ],
)
def test_R14_a_french_postcode_has_five_digits(code: str, pays: str) -> None:
    """Other postcodes are refused for France, however the country is capitalised."""
    with pytest.raises(FormatInvalide) as refused:
        rules.check_postcode(code, pays)
    assert refused.value.metadata == {"champ": "code_postal"}


def test_R16_a_link_begins_today_in_paris() -> None:
    """A link begins today in Paris unless the request names the day."""
    dupont = ClientBase(organisation_id="org-1", nom="Dupont", compte_code="CLI000001")
    request = pb.CreateClientPartenaireRequest(partenaire_id="part-1")
    with clock.frozen_at(LATE_IN_PARIS):
        assert rules.new_partenaire(dupont, request).valid_from == date(2026, 7, 2)
    request.valid_from = "2026-01-31"
    assert rules.new_partenaire(dupont, request).valid_from == date(2026, 1, 31)
