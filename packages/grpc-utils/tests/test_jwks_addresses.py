"""Addresses of keys: https, or http to this machine."""

import pytest
from grpc_utils import Jwks
from grpc_utils.jwks import JwksError


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/keys",
        "http://localhost.example/keys",
        "http://127.0.0.1.example/keys",
        "http://127.0.0.1@idp.example/keys",
        "http://10.0.0.1/keys",
        "http://[fe80::1]/keys",
        "ftp://idp.example/keys",
        "file:///etc/passwd",
        "//idp.example/keys",
        "idp.example/keys",
        "https://",
        "https:///keys",
        "http://[::1/keys",
        "https://idp.example:99999/keys",
        "https://idp.example/\nkeys",
        "",
    ],
)
def test_keys_come_over_https_only(url: str) -> None:
    """Plain http to other machines, other schemes and texts that are no address are refused at once."""
    with pytest.raises(JwksError):
        Jwks(url)


@pytest.mark.parametrize(
    "url",
    ["https://idp.example/keys", "http://localhost:1/keys", "http://127.0.0.2/keys", "http://[::1]/keys"],
)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    """Any host may be asked over https, loopback addresses over http."""
    assert Jwks(url).url == url


def test_plain_http_can_be_allowed_for_closed_networks() -> None:
    """`allow_http` permits http to any host and no other scheme."""
    assert Jwks("http://keycloak:8080/keys", allow_http=True).url == "http://keycloak:8080/keys"
    with pytest.raises(JwksError):
        Jwks("ftp://keycloak/keys", allow_http=True)
