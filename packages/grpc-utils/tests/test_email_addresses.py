"""The one rule for email addresses that every service has (C10)."""

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
    """In one form, local parts outside ASCII included."""
    assert email_address(typed, "email") == stored


@pytest.mark.parametrize(
    "typed", ["jean", "jean@", "@exemple.fr", "a b@exemple.fr", "a..b@exemple.fr", "é@", "é é@exemple.fr"]
)
def test_C10_what_is_no_address_is_refused(typed: str) -> None:
    """FORMAT_INVALIDE names the field."""
    with pytest.raises(InvalidArgument) as refusal:
        email_address(typed, "email")
    assert (refusal.value.reason, refusal.value.metadata) == ("FORMAT_INVALIDE", {"champ": "email"})


@given(
    st.text(_LETTERS | st.sampled_from("._+-'"), min_size=1, max_size=70),
    st.sampled_from(["exemple.fr", "ÉTÉ.fr"]),
)
def test_C10_what_one_service_stores_every_other_accepts(local: str, domain: str) -> None:
    """As it is: an address that clients has taken is none that email refuses."""
    try:
        stored = email_address(f"{local}@{domain}", "email")
    except InvalidArgument:
        return
    assert stored is not None
    assert email_address(stored, "email") == stored
