"""Paths with parameters: their row in the table, and the values that endpoints read (G10, G15)."""

from urllib.parse import unquote

import pytest
from gateway.exchange import Scope
from gateway.policies import (
    ACCOUNT,
    ACCOUNT_REFRESH,
    CONNECT,
    CONNECT_CALLBACK,
    INTEGRATIONS,
    PROVIDERS,
)
from gateway.routes import read, route_of
from service_testing import Mesh, metric
from service_testing.http1 import exchange, request
from tests.visitors import bearer

BASE = "/api/integrations"


def scope(raw: str) -> Scope:
    """ASGI scope that the server makes of *raw*, the path of a request line."""
    return {"path": read_by_server(raw), "raw_path": raw.encode()}


def read_by_server(raw: str) -> str:
    """Path of *raw* as uvicorn decodes it."""
    return unquote(raw)


@pytest.mark.parametrize(
    ("raw", "route"),
    [
        (BASE, INTEGRATIONS),
        (f"{BASE}/providers", PROVIDERS),
        (f"{BASE}/%70roviders", PROVIDERS),
        (f"{BASE}/google/connect", CONNECT),
        (f"{BASE}/google/%63onnect", CONNECT),
        (f"{BASE}/google/callback", CONNECT_CALLBACK),
        (f"{BASE}/google/c%61llback", CONNECT_CALLBACK),
        (f"{BASE}/providers/callback", CONNECT_CALLBACK),
        (f"{BASE}/google/117", ACCOUNT),
        (f"{BASE}/google/Callback", ACCOUNT),
        (f"{BASE}/google/callback%2F", ACCOUNT),
        (f"{BASE}/google/callback%252F", ACCOUNT),
        (f"{BASE}/google/a%2Fb", ACCOUNT),
        (f"{BASE}/google/..", ACCOUNT),
        (f"{BASE}/google/117/refresh", ACCOUNT_REFRESH),
        (f"{BASE}/google/callback/refresh", ACCOUNT_REFRESH),
        (f"{BASE}/google/a%2Fb/refresh", ACCOUNT_REFRESH),
    ],
)
def test_G10_a_path_is_for_the_row_with_most_of_its_words(raw: str, route: str) -> None:
    """Fixed words win over parameters in any encoding; an encoded slash separates nothing."""
    assert route_of(scope(raw))[0] == route


@pytest.mark.parametrize(
    "raw",
    [
        f"{BASE}/",
        f"{BASE}/google",
        f"{BASE}/google/",
        f"{BASE}//connect",
        f"{BASE}/google/connect/",
        f"{BASE}/google//refresh",
        f"{BASE}/google/117/refresh/",
        f"{BASE}/google/117/renew",
        f"{BASE}/google/1/1/refresh",
        f"{BASE}%2Fgoogle/connect",
        f"{BASE}/google%2Fconnect",
        f"{BASE}/google/117%2Frefresh/",
        "/api/Integrations/google/connect",
        f"/api/x/..{BASE[4:]}/google/connect",
        f"/{BASE}/google/connect",
        "",
    ],
)
def test_G10_other_paths_are_for_none(raw: str) -> None:
    """A slash at the end or an empty part makes a path without a row."""
    assert route_of(scope(raw)) == ("", read_by_server(raw))


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("117", "117"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("%c3%a9", "é"),
        ("a+b%20c", "a+b c"),
        ("%zz%", "%zz%"),
        ("..%2f..", "../.."),
    ],
)
def test_G15_a_parameter_is_decoded_once(sent: str, text: str) -> None:
    """A percent sign that decoding yields is part of the value."""
    assert read(sent) == text


@pytest.mark.parametrize("sent", ["%00", "a%0d%0ab", "%7f", "%c2%85", "%ff", "%c0%af", "%ed%a0%80", "a%09"])
def test_G15_what_is_no_text_is_refused(sent: str) -> None:
    """Control characters and bytes that are not UTF-8 are refused."""
    with pytest.raises(ValueError, match=r"control|decode"):
        read(sent)


@pytest.mark.parametrize(
    ("account", "reason"),
    [("a%00", "FORMAT_INVALIDE"), ("%ff", "FORMAT_INVALIDE"), ("x" * 256, "TROP_LONG")],
    ids=["control", "bytes", "long"],
)
async def test_G15_an_account_id_that_cannot_be_is_400(alone: Mesh, account: str, reason: str) -> None:
    """A malformed account id is 400 without any call, which would be 503 here."""
    (proof,) = bearer(alone.secrets.token()).items()
    answer = await exchange(alone.address("gateway"), request(f"DELETE {BASE}/google/{account}", [proof]))
    assert answer is not None
    assert answer.status == 400
    assert f'"code":"{reason}"'.encode() in answer.body
    assert b'"champ":"accountId"' in answer.body


@pytest.mark.parametrize("account", ["x" * 255, "%c3%a9" * 255, "a%2Fb", "..", "%252e"])
async def test_G15_every_other_one_is_asked_for(alone: Mesh, account: str) -> None:
    """An account id of up to 255 characters is passed on, counted after its decoding."""
    (proof,) = bearer(alone.secrets.token()).items()
    answer = await exchange(alone.address("gateway"), request(f"DELETE {BASE}/google/{account}", [proof]))
    assert answer is not None
    assert answer.status == 503


async def test_requests_are_counted_by_the_row_and_never_by_what_stands_in_it(alone: Mesh) -> None:
    """Metrics name the row, since identifiers would fill the memory."""
    labels = {"route": ACCOUNT, "method": "DELETE", "status": "401"}
    before = metric("http_requests_total", **labels)
    for account in ("one", "two", "a%2Fb"):
        await exchange(alone.address("gateway"), request(f"DELETE {BASE}/google/{account}"))
    assert metric("http_requests_total", **labels) == before + 3
