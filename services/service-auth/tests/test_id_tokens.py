"""Claims of an ID token, checked without a provider (R18): one wrong claim makes it worthless."""

from datetime import UTC, datetime
from typing import Any

import pytest
from service_auth.id_tokens import GOOGLE_ISSUERS, Expected, Personne, checked, hashed
from service_auth.refusals import EmailNonVerifie, IdTokenInvalide

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECONDS = NOW.timestamp()
EXPECTED = Expected(GOOGLE_ISSUERS | {"https://issuer.exemple"}, "client-1", hashed("nonce-1"))
GOOD: dict[str, Any] = {
    "iss": "https://accounts.google.com",
    "aud": "client-1",
    "azp": "client-1",
    "iat": SECONDS,
    "exp": SECONDS + 3600,
    "nonce": "nonce-1",
    "sub": "1234",
    "email": "Jeanne@Exemple.FR",
    "email_verified": True,
    "given_name": "Jeanne",
    "family_name": "Martin",
    "picture": "https://images.exemple/1",
}


def but(**changes: Any) -> dict[str, Any]:
    """Claims of a good token with *changes*; None leaves one out."""
    return {name: value for name, value in (GOOD | changes).items() if value is not None}


def test_R18_a_good_token_names_a_person() -> None:
    """A good token gives subject, email in stored form, names and picture."""
    assert checked(GOOD, EXPECTED, NOW) == Personne(
        "1234", "jeanne@exemple.fr", "Jeanne", "Martin", "https://images.exemple/1"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "accounts.google.com"},
        {"iss": "https://issuer.exemple"},
        {"azp": None},
        {"aud": ["client-1"], "azp": None},
        {"aud": ["client-1", "client-2"]},
        {"exp": SECONDS - 59},
        {"iat": SECONDS + 60},
        {"iat": SECONDS - 660},
        {"given_name": None, "family_name": 3, "picture": "http://plain.exemple"},
    ],
)
def test_R18_what_may_differ(changes: dict[str, Any]) -> None:
    """Three issuers, a missing azp for one audience and 60 seconds of leeway are accepted."""
    assert checked(but(**changes), EXPECTED, NOW).sujet == "1234"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://accounts.google.com.evil.exemple"},
        {"iss": None},
        {"iss": ["https://accounts.google.com"]},
        {"aud": "client-2"},
        {"aud": None},
        {"aud": []},
        {"aud": ["client-1", "client-2"], "azp": None},
        {"azp": "client-2"},
        {"exp": SECONDS - 61},
        {"exp": SECONDS - 60},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("nan")},
        {"iat": SECONDS + 61},
        {"iat": SECONDS - 661},
        {"iat": None},
        {"iat": float("nan")},
        {"nonce": "nonce-2"},
        {"nonce": None},
        {"nonce": ["nonce-1"]},
        {"sub": ""},
        {"sub": None},
        {"sub": 1234},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
        {"email": ""},
        {"email": None},
        {"email": "not an address"},
        {"email": ["jeanne@exemple.fr"]},
    ],
)
def test_R18_any_failure_is_an_invalid_token(changes: dict[str, Any]) -> None:
    """ID_TOKEN_INVALIDE is the answer to each wrong claim alike."""
    with pytest.raises(IdTokenInvalide):
        checked(but(**changes), EXPECTED, NOW)


@pytest.mark.parametrize("told", [False, None, "true", 1])
def test_R18_an_address_must_be_verified(told: object) -> None:
    """EMAIL_NON_VERIFIE is the answer to any *email_verified* but true."""
    with pytest.raises(EmailNonVerifie):
        checked(but(email_verified=told), EXPECTED, NOW)


@pytest.mark.parametrize(
    ("claim", "kept"),
    [
        ("x" * 101, "x" * 100),
        ("a\x00b", ""),
        ("  Jeanne  ", "Jeanne"),
        ("Zoe\u0308", "Zoë"),
        ({"a": 1}, ""),
    ],
)
def test_R18_names_are_brought_into_stored_form(claim: object, kept: str) -> None:
    """A name is trimmed, composed and cut, or left out; it never refuses the token."""
    assert checked(but(given_name=claim), EXPECTED, NOW).prenom == kept


@pytest.mark.parametrize(
    "picture",
    [
        "http://images.exemple/1",
        "javascript:alert(1)",
        "https://a b",
        "https://u@h/1",
        "https://" + "x" * 2048,
    ],
)
def test_R18_a_picture_is_a_plain_https_address(picture: str) -> None:
    """A picture that is not a plain https address is left out."""
    assert checked(but(picture=picture), EXPECTED, NOW).photo_url == ""
