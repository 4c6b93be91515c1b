"""Addresses to which a browser is sent (G14): the allowed ones, and their completion."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from gateway.targets import is_allowed, with_parameters

FRONT = "https://app.example"
ORIGINS = (FRONT, "http://localhost:3000")


@pytest.mark.parametrize(
    "target",
    [
        FRONT,
        f"{FRONT}/",
        f"{FRONT}/parametres?tab=1#top",
        f"{FRONT}?tab=1",
        f"{FRONT}#top",
        "HTTPS://App.Example/Parametres",
        f"{FRONT}/@evil.example",
        f"{FRONT}/\\evil.example",
        "http://localhost:3000/x",
    ],
)
def test_G14_an_address_of_an_allowed_origin_is_allowed(target: str) -> None:
    """An address of an allowed origin is allowed with any path, query and fragment."""
    assert is_allowed(target, ORIGINS)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/parametres",
        "//app.example",
        "//evil.example",
        "https://evil.example/",
        "https://evil.example/https://app.example/",
        "https://evil.example?https://app.example/",
        "https://app.example.evil.example/",
        "https://app.example@evil.example/",
        "https://app.example:pass@evil.example/",
        "https://user@app.example/",
        "https://app.example:443/",
        "https://app.example:8443/",
        "https://app.example\\@evil.example/",
        "https://app.example\\.evil.example/",
        "https://app.example\t.evil.example/",
        "https://app.example%2f@evil.example/",
        "https:app.example/",
        "https:/app.example/",
        "https:\\\\app.example/",
        "http://app.example/",
        "https://app.example/\r\nSet-Cookie: a=b",
        "https://app.example/\0",
        "https://app.example/é",
        "https://app.e\u212aample/",
        " https://app.example/",
        "\thttps://app.example/",
        "javascript:alert(1)",
        "javascript://app.example/%0aalert(1)",
        "data:text/html,<script>",
        "http://localhost:30001/",
        "http://localhost/",
    ],
)
def test_G14_no_other_address_is(target: str) -> None:
    """An address that only resembles an allowed origin is refused."""
    assert not is_allowed(target, ORIGINS)


@pytest.mark.parametrize(
    ("target", "completed"),
    [
        ("", "?status=ok&account=1"),
        ("/", "/?status=ok&account=1"),
        ("/a?", "/a?status=ok&account=1"),
        ("/a?tab=1", "/a?tab=1&status=ok&account=1"),
        ("/a?tab=1&", "/a?tab=1&status=ok&account=1"),
        ("/a#top", "/a?status=ok&account=1#top"),
        ("/a?tab=1#top?x=1", "/a?tab=1&status=ok&account=1#top?x=1"),
        ("/a?next=/b?c=d", "/a?next=/b?c=d&status=ok&account=1"),
        ("/a?status=error&tab=1", "/a?tab=1&status=ok&account=1"),
        ("/a?tab=%C3%A9+%26", "/a?tab=%C3%A9+%26&status=ok&account=1"),
        ("/a?st%61tus=error&account", "/a?status=ok&account=1"),
        ("/a?statuses=1", "/a?statuses=1&status=ok&account=1"),
    ],
)
def test_G14_parameters_join_those_that_are_there(target: str, completed: str) -> None:
    """Parameters come before the fragment and replace those of the same names."""
    assert with_parameters(FRONT + target, status="ok", account="1") == FRONT + completed


@pytest.mark.parametrize("value", ["a&status=error", "é /?#", "\r\nSet-Cookie: a=b", "%2F", ""])
def test_G14_a_value_stays_a_value(value: str) -> None:
    """Any characters in a value stay part of that value."""
    completed = with_parameters(f"{FRONT}/a#top", account=value)
    parts = urlsplit(completed)
    assert parse_qsl(parts.query, keep_blank_values=True) == [("account", value)]
    assert (completed.isascii(), completed.isprintable(), parts.fragment) == (True, True, "top")
