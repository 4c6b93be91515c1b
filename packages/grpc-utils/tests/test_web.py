"""web.is_secure: the addresses that may be called."""

import pytest
from grpc_utils.web import is_secure


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://accounts.google.com/x", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://[::1]:8080/x", True),
        ("http://localhost/x", True),
        ("http://accounts.google.com", False),
        ("http://127.0.0.1.evil.exemple", False),
        ("ftp://127.0.0.1", False),
        ("https://accounts.google.com:99999", False),
        ("https://", False),
        ("", False),
    ],
)
def test_http_is_for_this_machine(url: str, secure: bool) -> None:
    """Any host is secure over https, this machine over http as well."""
    assert is_secure(url) == secure
