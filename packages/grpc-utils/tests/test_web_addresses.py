"""web_address: the rule for addresses of pages and pictures in all services."""

import pytest
from grpc_utils import web_address
from grpc_utils.errors import FormatInvalide, TropLong
from grpc_utils.web import is_loopback


@pytest.mark.parametrize(
    "text",
    [
        "https://exemple.fr",
        "https://exemple.fr:8443/a/b.png?c=d&e=(f)#g",
        "https://[2001:db8::1]/a",
        "https://exemple.fr/été.png",
        "http://localhost:3000/a.ico",
        "http://127.0.0.1/a.ico",
    ],
)
def test_an_absolute_address_is_kept_as_it_is(text: str) -> None:
    """With a port, a query, letters beyond ASCII; http where it is allowed."""
    assert web_address(text, "url", plain_at=is_loopback) == text


def test_an_empty_address_is_none() -> None:
    """It clears the column."""
    assert (web_address("", "url"), web_address(None, "url")) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "http://exemple.fr/a.png",
        "ftp://exemple.fr/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "file:///a.pdf",
        "//exemple.fr/a.png",
        "exemple.fr/a.png",
        "https://",
        "https://exemple.fr:70000/",
        "https://[1::/",
        "https://jean@exemple.fr/",
        "https://exemple.fr/a b",
        'https://exemple.fr/"onload="',
        "https://exemple.fr/<a>",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """The refusal names the field."""
    with pytest.raises(FormatInvalide) as refused:
        web_address(text, "url", plain_at=is_loopback)
    assert refused.value.metadata == {"champ": "url"}


def test_an_address_has_2048_characters_at_most() -> None:
    """One more is TROP_LONG."""
    text = "https://x/" + "y" * 2038
    assert web_address(text, "url") == text
    with pytest.raises(TropLong):
        web_address(text + "y", "url")
