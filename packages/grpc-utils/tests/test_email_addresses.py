"""email_address: the rule for email addresses in all services (C10)."""

import pytest
from grpc_utils import email_address
from grpc_utils.errors import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

_LETTERS = st.characters(categories=("L", "M", "N"))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", None),
        ("Jean.Dupont+crm@Exemple.FR", "jean.dupont+crm@exemple.fr"),
        ("O'Neil@exemple.fr", "o'neil@exemple.fr"),
        ("Élodie@exemple.fr", "élodie@exemple.fr"),
        ("e\u0301lodie@exemple.fr", "élodie@exemple.fr"),
        ("ΑΓΆΠΗ@exemple.fr", "αγάπη@exemple.fr"),
        ("用户@exemple.fr", "用户@exemple.fr"),
        ("Jean@SOCIÉTÉ.fr", "jean@société.fr"),
    ],
)
def test_C10_addresses_are_stored_in_lower_case(typed: str, stored: str | None) -> None:
    """Lower case includes local parts and domains outside ASCII, composed by NFC."""
    assert email_address(typed, "email") == stored


@pytest.mark.parametrize(
    "typed", ["jean", "jean@", "@exemple.fr", "a b@exemple.fr", "a..b@exemple.fr", "é@", "é é@exemple.fr"]
)
def test_C10_a_text_that_is_no_address_is_refused(typed: str) -> None:
    """FORMAT_INVALIDE names the field in its metadata."""
    with pytest.raises(InvalidArgument) as refusal:
        email_address(typed, "email")
    assert (refusal.value.reason, refusal.value.metadata) == ("FORMAT_INVALIDE", {"champ": "email"})


@given(
    st.text(_LETTERS | st.sampled_from("._+-'"), min_size=1, max_size=70),
    st.sampled_from(["exemple.fr", "ÉTÉ.fr"]),
)
def test_C10_a_stored_address_is_accepted_again(local: str, domain: str) -> None:
    """An address that one service has stored is accepted unchanged by every other."""
    try:
        stored = email_address(f"{local}@{domain}", "email")
    except InvalidArgument:
        return
    assert stored is not None
    assert email_address(stored, "email") == stored
