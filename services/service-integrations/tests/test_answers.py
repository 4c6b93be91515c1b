"""Answers of providers: values that are taken and values that are not (R27)."""

from typing import Any

import pytest
from service_integrations.providers import answers
from service_integrations.providers.answers import Unreadable

GOOD: dict[str, Any] = {"access_token": "a-token"}


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 42},
        {"access_token": ["a-token"]},
        {"access_token": "two words"},
        {"access_token": "a\r\nx: y"},
        {"access_token": "jeton-é"},
        {"access_token": "x" * 8193},
        {"refresh_token": "a\x00b"},
        {"refresh_token": {"a": "b"}},
        {"token_type": "mac"},
        {"expires_in": -1},
        {"expires_in": 0},
        {"expires_in": True},
        {"expires_in": 3600.5},
        {"expires_in": 10**9},
        {"expires_in": "bientôt"},
        {"expires_in": "٣٦٠٠"},
        {"expires_in": [3600]},
    ],
    ids=str,
)
def test_R27_tokens_that_could_do_harm_are_not_taken(changes: dict[str, Any]) -> None:
    """Tokens unfit for a header or a table, and lives unfit for a calculation, are refused."""
    with pytest.raises(Unreadable):
        answers.tokens(GOOD | changes)


@pytest.mark.parametrize(("told", "seconds"), [(3600, 3600), ("3600", 3600), (None, None), (1, 1)])
def test_R27_the_life_of_a_token_is_in_seconds(told: object, seconds: int | None) -> None:
    """The life of a token may be a number or a text; without one it never ends."""
    assert answers.tokens(GOOD | {"expires_in": told}).expires_in == seconds


def test_R27_a_token_may_come_alone() -> None:
    """An answer may hold an access token alone."""
    tokens = answers.tokens(GOOD)
    assert (tokens.refresh_token, tokens.token_type, tokens.scope, tokens.expires_in) == ("", "", "", None)


@pytest.mark.parametrize(
    ("told", "scope"),
    [
        ("a b", "a b"),
        ("a\x00\n b", "a b"),
        (["a", "b"], "a b"),
        (None, ""),
        ("x " * 5000, ("x " * 5000)[:4096]),
    ],
)
def test_R27_scopes_are_words(told: object, scope: str) -> None:
    """Scopes are words, from a text or from a list, cut at 4096 characters."""
    assert answers.scope(told) == scope


def test_R27_names_hold_nothing_invisible() -> None:
    """Names lose invisible characters and are cut at 255; the first that is left counts."""
    content = {"a": "\x00\u202e", "b": 42, "c": "Jean\x00ne " + "x" * 300}
    assert answers.first_shown(content, ("a", "b", "c")) == ("Jeanne " + "x" * 300)[:255]
    assert answers.first_shown(content, ("a", "b")) == ""


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"error": {"code": "InvalidAuthenticationToken", "message": "…"}}, "InvalidAuthenticationToken"),
        ({"error": {"code": 190, "type": "OAuthException"}}, "OAuthException"),
        ({"error_type": "OAuthException", "code": 400}, "OAuthException"),
        ({"error": "Bad token: secret-token"}, "http_400"),
        ({"error": "x" * 41}, "http_400"),
        ({"error": ["invalid_grant"]}, "http_400"),
        ({}, "http_400"),
    ],
)
def test_R27_refusals_are_named_by_their_code_alone(content: dict[str, Any], code: str) -> None:
    """A refusal is kept by its code alone: a sentence could hold a token or an address."""
    assert answers.error_of(content, 400) == code
