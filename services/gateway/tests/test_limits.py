"""Rates of addresses and callers (G5, G8), and the proof of a caller (G9)."""

from collections.abc import AsyncIterator
from ipaddress import ip_network

import httpx
import pytest
from gateway.addresses import client_address
from gateway.edge import GATEWAY
from gateway.policies import (
    CONNECT_CALLBACK,
    GOOGLE_CALLBACK,
    GOOGLE_URL,
    INTEGRATIONS,
    LOGIN,
    LOGOUT,
    POLICIES,
    PROFILE,
    RENEW,
    SYNC,
    WEBHOOK,
)
from grpc_utils import ServiceSigner
from service_kit import Buckets, sender_of
from service_testing import Mesh, running
from service_testing.seconds import Seconds
from service_testing.web import web_client

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1,10.0.0.2 , 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("2001:db8::1", ["2a01:e0a::7"], "2a01:e0a::7"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_G5_the_client_is_the_last_whom_no_trusted_proxy_has_seen(
    peer: str, forwarded: list[str], client: str
) -> None:
    """The client is the rightmost address that no trusted proxy has; the rest is the client's own."""
    assert client_address(peer, forwarded, PROXIES) == client


def test_G8_a_line_of_ipv6_counts_as_one_address() -> None:
    """A /64 network of IPv6 is one key; its 2**64 addresses would be as many limits."""
    assert sender_of("2a01:e0a:1:2::7") == sender_of("2a01:e0a:1:2:ffff::9")
    assert sender_of("198.51.100.1") == "198.51.100.1"


def test_G8_a_bucket_fills_again_within_a_minute() -> None:
    """Twenty tokens may be taken at once; then one comes every three seconds."""
    now = Seconds()
    bucket = Buckets(20, now)
    assert [bucket.take("a") for _ in range(20)] == [0.0] * 20
    assert bucket.take("a") == pytest.approx(3)
    now.passed = 3.0
    assert bucket.take("a") == 0.0
    assert bucket.take("a") == pytest.approx(3)
    now.passed = 3600.0
    assert [bucket.take("a") > 0 for _ in range(21)] == [False] * 20 + [True]


def test_G8_every_key_has_a_bucket_of_its_own() -> None:
    """Each key has a bucket; the ones unused for longest are forgotten, so that memory is bounded."""
    buckets = Buckets(1, Seconds())
    assert (buckets.take("a"), buckets.take("b")) == (0.0, 0.0)
    assert buckets.take("a") > 0
    for number in range(20_000):
        buckets.take(f"other {number}")
    assert buckets.take("a") == 0.0


def test_G8_the_limits_are_those_of_the_contract() -> None:
    """The table of policies has the limits per address and per caller of the rule."""
    addresses = {path: policy.per_address for path, policy in POLICIES.items() if policy.per_address}
    callers = {path: POLICIES[path].per_caller for path in (PROFILE, LOGOUT, RENEW, INTEGRATIONS, SYNC)}
    signing_in = {LOGIN: 20, GOOGLE_URL: 30, GOOGLE_CALLBACK: 30}
    assert addresses == {**signing_in, CONNECT_CALLBACK: 30, WEBHOOK: 300}
    assert callers == {PROFILE: 120, LOGOUT: 120, RENEW: 120, INTEGRATIONS: 120, SYNC: 600}


@pytest.mark.parametrize(
    ("method", "path", "limit"), [("POST", LOGIN, 20), ("GET", GOOGLE_URL, 30)], ids=["login", "google"]
)
async def test_G8_an_address_that_asks_too_often_waits(
    edge: httpx.AsyncClient, method: str, path: str, limit: int
) -> None:
    """An address above its rate gets 429 with Retry-After; other addresses are answered."""
    answered = 0
    while (refused := await edge.request(method, path)).status_code != 429:
        answered += 1
    other = await edge.request(method, path, headers={"x-forwarded-for": "192.0.2.1"})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["retryable"]) == (429, "TROP_DE_REQUETES", True)
    assert refused.headers["retry-after"] == str(error["retryAfter"])
    assert 1 <= error["retryAfter"] <= 3
    assert limit <= answered < 2 * limit
    assert other.status_code != 429


async def test_G8_too_many_callbacks_end_with_the_page(edge: httpx.AsyncClient) -> None:
    """A callback above the rate gets the closing page, since the window must close."""
    while (refused := await edge.get(GOOGLE_CALLBACK)).status_code != 429:
        assert refused.status_code == 503
    assert (refused.status_code, refused.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert "TROP_DE_REQUETES" in refused.text


async def test_G8_a_user_has_one_limit_at_all_his_addresses(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """A user may ask for his profile 120 times a minute, from whatever addresses."""
    headers = {"authorization": f"Bearer {alone.secrets.token(user='insatiable')}"}
    statuses: list[int] = []
    while 429 not in statuses:
        forwarded = f"192.0.2.{len(statuses) % 256}"
        answer = await edge.get(PROFILE, headers={**headers, "x-forwarded-for": forwarded})
        statuses.append(answer.status_code)
    assert statuses[:120] == [200] * 120


@pytest.fixture(scope="module")
async def trusting_nobody() -> AsyncIterator[Mesh]:
    """A gateway without trusted proxies."""
    async with running(GATEWAY) as mesh:
        yield mesh


async def test_G5_forwarded_addresses_of_strangers_are_ignored(trusting_nobody: Mesh) -> None:
    """A new X-Forwarded-For each time does not lift the limit of an untrusted peer."""
    async with web_client(base_url=f"http://{trusting_nobody.address('gateway')}") as client:
        statuses = {
            (await client.post(LOGIN, headers={"x-forwarded-for": f"192.0.2.{number}"})).status_code
            for number in range(40)
        }
    assert statuses == {415, 429}


@pytest.mark.parametrize("path", [path for path, policy in POLICIES.items() if policy.caller])
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "bearer  {}",
        "Basic {}",
        "{}",
        "Bearer  {}",
        "Bearer {}\u00a0",
        "Bearer {}.x",
        "Bearer {}=",
        "Bearer a.b.c",
        "Bearer é",
    ],
)
async def test_G9_a_caller_without_a_proof_is_refused(
    edge: httpx.AsyncClient, alone: Mesh, path: str, value: str | None
) -> None:
    """A missing or malformed token is 401 without any call, which would be 503 here."""
    token = alone.secrets.token()
    headers = {} if value is None else {b"authorization": value.format(token).encode("latin-1")}
    answer = await edge.request(POLICIES[path].method, path, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] in {"JETON_MANQUANT", "JETON_INVALIDE"}


@pytest.mark.parametrize(("size", "reason"), [(8192, "JETON_INVALIDE"), (8193, "JETON_TROP_LONG")])
async def test_G9_a_token_that_is_too_long_is_told_so(
    edge: httpx.AsyncClient, alone: Mesh, size: int, reason: str
) -> None:
    """A token of 8193 bytes is JETON_TROP_LONG; one of 8192 is judged by its content (C5)."""
    token = alone.secrets.token().ljust(size, "A")
    answer = await edge.get(PROFILE, headers={"authorization": f"Bearer {token}"})
    told = answer.json()["error"]
    assert (answer.status_code, told["code"]) == (401, reason)
    assert ("8 192 octets" in told["message"]) == (size > 8192)


async def test_G9_two_proofs_are_none(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """Two Authorization headers are refused, even if both are good."""
    good = f"Bearer {alone.secrets.token()}"
    answer = await edge.get(PROFILE, headers=[("authorization", good), ("authorization", good)])
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "JETON_INVALIDE")


async def test_G9_an_expired_token_is_refused(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """An expired token is refused by the verifier of the services, with its leeway."""
    token = alone.secrets.token(lifetime=-60)
    answer = await edge.get(PROFILE, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "JETON_EXPIRE")


async def test_G9_without_authentication_nobody_is_asked_for_a_proof() -> None:
    """AUTH_ENABLED=false ignores the header and does not pass it on."""
    async with running(GATEWAY, auth_enabled=False) as mesh, web_client() as client:
        url = f"http://{mesh.address('gateway')}{PROFILE}"
        values = (b"Bearer \xe9\xff", b"\x80", b"Bearer a.b.c")
        answers = [await client.get(url, headers={b"authorization": value}) for value in values]
    assert [(answer.status_code, answer.json()["user"]["id"]) for answer in answers] == [(200, "anonyme")] * 3


def service_token(mesh: Mesh, callee: str = "gateway") -> str:
    """Token of service gateway, the only one with a key here, for *callee*."""
    return ServiceSigner("gateway", mesh.secrets.keys["gateway"].private).token(callee, None)


async def test_G9_a_service_is_no_user(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """The token of a service is 403 at the paths of users."""
    answer = await edge.get(PROFILE, headers={"authorization": f"Bearer {service_token(alone)}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "JETON_UTILISATEUR_REQUIS")
