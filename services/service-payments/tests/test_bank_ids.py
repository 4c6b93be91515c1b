"""Numbers of banks and mandates."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from grpc_utils.errors import FormatInvalide, Refusal, TropLong
from service_payments import bank_ids
from service_payments.bank_ids import IbanInvalide, IcsInvalide, RumInvalide


@pytest.mark.parametrize(
    ("check", "text", "stored"),
    [
        (bank_ids.iban_of, "FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
        (bank_ids.iban_of, "ch93 0076 2011 6238 5295 7", "CH9300762011623852957"),
        (bank_ids.iban_of, "NL14MOCK0000000002", "NL14MOCK0000000002"),
        (bank_ids.ics_of, "FR72ZZZ123456", "FR72ZZZ123456"),
        (bank_ids.ics_of, "FR72ABC123456", "FR72ABC123456"),
        (bank_ids.ics_of, "fr72 zzz 123456", "FR72ZZZ123456"),
        (bank_ids.bic_of, "agrifrpp", "AGRIFRPP"),
        (bank_ids.bic_of, "", None),
        (bank_ids.rum_of, "RUM+2026/(1)?:.,'-", "RUM+2026/(1)?:.,'-"),
    ],
)
def test_R11_a_number_with_a_right_key_is_accepted(
    check: Callable[[str], str | None], text: str, stored: str | None
) -> None:
    """Spaces are dropped and letters are capitals; the activity code of an ICS has no part in its key."""
    assert check(text) == stored


@pytest.mark.parametrize(
    ("check", "text", "refusal"),
    [
        (bank_ids.iban_of, "FR1520041010050500013M02606", IbanInvalide),
        (bank_ids.iban_of, "TR330006100519786457841326", IbanInvalide),
        (bank_ids.iban_of, "FR14", IbanInvalide),
        (bank_ids.ics_of, "FR73ZZZ123456", IcsInvalide),
        (bank_ids.ics_of, "ZZZ", IcsInvalide),
        (bank_ids.bic_of, "AGRI", FormatInvalide),
        (bank_ids.rum_of, "/RUM", RumInvalide),
        (bank_ids.rum_of, "RUM/", RumInvalide),
        (bank_ids.rum_of, "RUM//1", RumInvalide),
        (bank_ids.rum_of, "rum-1", RumInvalide),
        (bank_ids.rum_of, "RUM É", RumInvalide),
        (bank_ids.rum_of, "R" * 36, TropLong),
    ],
)
def test_R11_a_number_with_a_wrong_key_or_sign_is_refused(
    check: Callable[[str], str | None], text: str, refusal: type[Refusal]
) -> None:
    """The refusal names the field and never repeats the number."""
    with pytest.raises(refusal) as refused:
        check(text)
    assert text not in refused.value.message
    assert set(refused.value.metadata) == {"champ"}


@pytest.mark.parametrize(
    ("societe_id", "beginning"),
    [("soc-1", "RUMSOC10000260112"), ("", "RUMORGABCDE260112"), ("0199a-b.c|d-e-f", "RUM0199ABCD260112")],
)
def test_R11_a_reference_is_made_of_the_societe_and_the_day(societe_id: str, beginning: str) -> None:
    """The default société has the signs of its organisation (R32); eight random signs end it."""
    rum = bank_ids.new_rum(societe_id, "org-abcdefgh", date(2026, 1, 12))
    assert rum.startswith(beginning)
    assert re.fullmatch(r"[A-Z0-9]{25}", rum)
    assert rum == bank_ids.rum_of(rum)


def test_R11_people_see_the_ends_of_an_iban() -> None:
    """First four and last four characters."""
    assert bank_ids.masked("FR1420041010050500013M02606") == "FR14****2606"


def test_R30_accounts_outside_the_economic_area_need_an_address() -> None:
    """Switzerland and the United Kingdom are in SEPA and not in the area; Norway is in both."""
    assert [c for c in ("CH", "GB", "NO", "FR", "MC") if bank_ids.needs_address(c)] == ["CH", "GB", "MC"]
    assert len(bank_ids.EEA) == 30
