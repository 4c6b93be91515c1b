"""Hostile HTTP, byte for byte: each request is refused with its code, and the gateway lives on."""

from collections.abc import Callable

import httpx
import pytest
from service_testing import Mesh
from service_testing.http1 import Answer, exchange, request

LOGIN, PROFILE, WEBHOOK, SYNC = "/api/auth/login", "/api/profile", "/api/webhook", "/land/api/v1/users/sync"
URL, CALLBACK = "/api/auth/google/url", "/api/auth/google/callback"
GOOD = b'{"email":"a@example.com","password":"secret"}'
JSON = ("Content-Type", "application/json")
CLOSED = 0  # no answer at all

Member = tuple[bytes | Callable[[str], bytes], set[int]]


def login(body: bytes, *headers: tuple[str, str]) -> bytes:
    """Request of a sign-in with *body*."""
    return request(f"POST {LOGIN}", [JSON, *headers], body)


def raw(*lines: bytes, body: bytes = b"") -> bytes:
    """Request of these lines."""
    return b"\r\n".join([*lines, b"", b""]) + body


def with_token(*headers: tuple[str, str], line: str = f"GET {PROFILE}", value: str = "Bearer {}") -> Member:
    """Request whose authorization is *value* with a good token in it."""
    return lambda token: request(line, [*headers, ("Authorization", value.format(token))]), {401}


def chunked(*lines: bytes) -> bytes:
    """Request of a sign-in whose body comes in chunks of these *lines*."""
    return raw(
        b"POST /api/auth/login HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
        body=b"\r\n".join(lines),
    )


HOST = b"Host: localhost"
TYPED = b"Content-Type: application/json"
POST = b"POST /api/auth/login HTTP/1.1"

MEMBERS: dict[str, Member] = {
    # Lines that are none.
    "nothing but line ends": (b"\r\n\r\n\r\n\r\n" + request("GET /healthz"), {400, 200}),
    "binary noise": (bytes(range(256)) * 8, {400, CLOSED}),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, {400, CLOSED}),
    "http/2 by prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, {400, 404}),
    "http/0.9": (b"GET /healthz\r\n\r\n", {400}),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (raw(b"GET /healthz HTTP/1.1", b"Host: a", b"Host: b"), {400}),
    "bare line feeds": (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", {200, 400}),
    "a folded header": (raw(b"GET /healthz HTTP/1.1", HOST, b"X-A: b", b"\tc"), {200, 400}),
    "a space before the colon": (raw(b"GET /healthz HTTP/1.1", HOST, b"X-A : b"), {400}),
    "a NUL in a header": (raw(b"GET /healthz HTTP/1.1", HOST, b"X-A: a\0b"), {400}),
    "a carriage return in a header": (raw(b"GET /healthz HTTP/1.1", HOST, b"X-A: a\rSet-Cookie: b"), {400}),
    "a header without a name": (raw(b"GET /healthz HTTP/1.1", HOST, b": b"), {400}),
    "a header name in Latin-1": (raw(b"GET /healthz HTTP/1.1", HOST, b"X-\xe9: b"), {400}),
    "five thousand headers": (raw(b"GET /healthz HTTP/1.1", HOST, *[b"a: b"] * 5_000), {400, 431}),
    "one large header": (raw(b"GET /healthz HTTP/1.1", HOST, b"X-A: " + b"x" * 17_000), {431}),
    "a long target": (request("GET /" + "x" * 20_000), {400, 404}),
    # Methods and targets.
    "a method of its own": (request("HACK /healthz"), {405}),
    "a method in lower case": (request("get /healthz"), {405}),
    "trace": (request(f"TRACE {LOGIN}"), {405}),
    "connect": (request("CONNECT evil.example:443"), {404}),
    "a star": (request("OPTIONS *"), {404}),
    "an absolute target": (request("GET http://evil.example/healthz"), {404}),
    "a method override": (request(f"GET {LOGIN}", [("X-HTTP-Method-Override", "POST"), JSON], GOOD), {405}),
    "dots up": (request("GET /docs/../../etc/passwd"), {404}),
    "encoded dots up": (request("GET /%2e%2e/%2e%2e/etc/passwd"), {404}),
    "a NUL in the path": (request("GET /healthz%00.json"), {404}),
    "a line end in the path": (request("GET /healthz%0d%0aSet-Cookie:%20a=b"), {404}),
    "broken percent signs": (request("GET /healthz%zz%"), {404}),
    "broken UTF-8 in the path": (request("GET /%ff%fe%c0%af"), {404}),
    "a path parameter": (request(f"POST {LOGIN};jsessionid=1", [JSON], GOOD), {404}),
    "an original URL": (
        request("GET /nowhere", [("X-Original-URL", PROFILE), ("X-Rewrite-URL", PROFILE)]),
        {404},
    ),
    "a websocket": (
        request(
            f"GET {PROFILE}",
            [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ],
        ),
        {401},
    ),
    "an upgrade to http/2": (
        request("GET /healthz", [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")]),
        {200},
    ),
    # Where a body ends.
    "two lengths": (raw(POST, HOST, TYPED, b"Content-Length: 45", b"Content-Length: 2", body=GOOD), {400}),
    "a negative length": (raw(POST, HOST, TYPED, b"Content-Length: -1"), {400}),
    "a length with a sign": (raw(POST, HOST, TYPED, b"Content-Length: +45", body=GOOD), {400}),
    "a length in hexadecimals": (raw(POST, HOST, TYPED, b"Content-Length: 0x2d", body=GOOD), {400}),
    "a length beyond all bounds": (raw(POST, HOST, TYPED, b"Content-Length: " + b"9" * 5_000), {400}),
    "a length of a petabyte": (raw(POST, HOST, TYPED, b"Content-Length: 1125899906842624"), {413}),
    "an unknown transfer encoding": (
        raw(POST, HOST, TYPED, b"Transfer-Encoding: xchunked", body=GOOD),
        {400, 501},
    ),
    "chunks within gzip": (
        raw(POST, HOST, TYPED, b"Transfer-Encoding: gzip, chunked", body=GOOD),
        {400, 501},
    ),
    "a chunk of no size": (chunked(b"zz", GOOD, b"0", b"", b""), {400, CLOSED}),
    "a chunk of a negative size": (chunked(b"-1", GOOD, b"0", b"", b""), {400, CLOSED}),
    "a chunk size without an end": (chunked(b"f" * 100_000), {400, CLOSED, 413}),
    "chunks without an end": (chunked(b"1000", b"x" * 4096, *[b"1000", b"x" * 4096] * 20), {413}),
    "a continue before too much": (
        raw(POST, HOST, TYPED, b"Content-Length: 100000", b"Expect: 100-continue"),
        {413},
    ),
    # Bodies.
    "an empty body": (login(b""), {400}),
    "a lone surrogate": (login(b'{"email":"\\ud800@example.com","password":"\\udfff"}'), {400}),
    "a NUL in JSON": (login(b'{"email":"a\\u0000@example.com","password":"\\u0000"}'), {400, 503}),
    "a name twice": (login(b'{"email":"a@example.com","email":["b"],"password":"x"}'), {400}),
    "not a number": (login(b'{"email":NaN,"password":Infinity}'), {400}),
    "a number beyond all bounds": (login(b'{"email":1e999999,"password":' + b"9" * 5_000 + b"}"), {400}),
    "nesting beyond all bounds": (login(b'{"email":' + b"[" * 8_000), {400}),
    "a prototype": (login(b'{"__proto__":{"email":"a"},"constructor":{}}'), {400}),
    "two documents": (login(GOOD + GOOD), {400}),
    "yaml": (login(b"email: a@example.com\npassword: secret"), {400}),
    "an entity bomb": (
        request(f"POST {LOGIN}", [("Content-Type", "application/xml")], b"<!DOCTYPE a [<!ENTITY b 'c'>]>"),
        {415},
    ),
    "a form": (
        request(
            f"POST {LOGIN}", [("Content-Type", "application/x-www-form-urlencoded")], b"email=a&password=b"
        ),
        {415},
    ),
    "a form that looks like JSON": (request(f"POST {LOGIN}", [("Content-Type", "text/plain")], GOOD), {415}),
    "two content types": (request(f"POST {LOGIN}", [JSON, ("Content-Type", "text/plain")], GOOD), {415}),
    "a content type with a comma": (
        request(f"POST {LOGIN}", [("Content-Type", "application/json, text/plain")], GOOD),
        {415},
    ),
    "a content type that goes on": (
        request(f"POST {LOGIN}", [("Content-Type", 'application/json; boundary="' + "a" * 9_000)], GOOD),
        {415, 503},
    ),
    "a compressed body": (login(GOOD, ("Content-Encoding", "gzip")), {415}),
    "a webhook of form data": (
        request(f"POST {WEBHOOK}", [("Content-Type", "multipart/form-data")], GOOD),
        {415},
    ),
    "a webhook without a type": (request(f"POST {WEBHOOK}", [], GOOD), {415}),
    "a webhook with binary headers": (
        request(
            f"POST {WEBHOOK}", [JSON, ("Webhook-Id", "\xff\xfe"), ("X-Kinde-Signature", "\xe9" * 99)], GOOD
        ),
        {401, 503},
    ),
    # Who calls.
    "a token in the query": (
        lambda token: request(f"GET {PROFILE}?access_token={token}&token={token}"),
        {401},
    ),
    "a token in a cookie": (lambda token: request(f"GET {PROFILE}", [("Cookie", f"token={token}")]), {401}),
    "a token in another header": (
        lambda token: request(f"GET {PROFILE}", [("X-Access-Token", token)]),
        {401},
    ),
    "a token of two lines": with_token(value="Bearer\u00a0{}"),
    "a token in quotes": with_token(value='Bearer "{}"'),
    "two tokens": with_token(("Authorization", "Bearer a.b.c")),
    "two tokens in one": with_token(value="Bearer {0}, Bearer {0}"),
    "a token of half a megabyte": (
        request(f"GET {PROFILE}", [("Authorization", "Bearer a.b." + "c" * 16_000)]),
        {401, 431},
    ),
    "names of users": (
        request(f"GET {PROFILE}", [("X-User-Id", "admin"), ("X-Forwarded-User", "admin")]),
        {401},
    ),
    "a service without a proof": (
        request(f"POST {SYNC}", [JSON, ("X-Service-Name", "factures"), ("X-Internal-Call", "true")], GOOD),
        {401},
    ),
    "a user as a service": (
        lambda token: request(
            f"POST {SYNC}", [JSON, ("X-Service-Name", "gateway"), ("Authorization", f"Bearer {token}")], GOOD
        ),
        {403},
    ),
    # What comes back.
    "a correlation id of two lines": (
        request("GET /healthz", [("X-Correlation-Id", "a%0d%0aSet-Cookie: b")]),
        {200},
    ),
    "an origin of two lines": (request("GET /healthz", [("Origin", "https://app.example%0d%0aX: y")]), {200}),
    "a user agent of a kilobyte": (request("GET /healthz", [("User-Agent", "\xff" * 9_000)]), {200}),
    "a forwarded address that is a script": (
        request("GET /healthz", [("X-Forwarded-For", "<script>")]),
        {200},
    ),
    "ten thousand forwarded addresses": (
        request("GET /healthz", [("X-Forwarded-For", "127.0.0.1," * 1_500)]),
        {200},
    ),
    "a redirect elsewhere": (request(f"GET {URL}?redirect_uri=https://evil.example/cb"), {400, 503}),
    "a redirect to a script": (request(f"GET {URL}?redirect_uri=javascript:alert(1)"), {400, 503}),
    "a redirect without a scheme": (request(f"GET {URL}?redirect_uri=//evil.example"), {400, 503}),
    "a redirect with a user": (
        request(f"GET {URL}?redirect_uri=https://app.example@evil.example"),
        {400, 503},
    ),
    "a redirect of bytes": (request(f"GET {URL}?redirect_uri=%ff%00%0d%0a"), {400, 503}),
    "a redirect beyond all bounds": (request(f"GET {URL}?redirect_uri={'a' * 12_000}"), {400, 503}),
    "a state that is a script": (
        request(f"GET {CALLBACK}?state=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E"),
        {400, 503},
    ),
    "a state of bytes": (request(f"GET {CALLBACK}?state=%ff%fe%00&code=%c0%af"), {400, 503}),
    "a state of surrogates": (request(f"GET {CALLBACK}?state=%ed%a0%80&code=%ed%bf%bf"), {400, 503}),
    "a thousand states": (request(f"GET {CALLBACK}?{'state=a&' * 1_000}"), {400}),
    "a cookie beyond all bounds": (
        request(f"GET {CALLBACK}?state=s&code=c", [("Cookie", "crm_oauth=" + "x" * 9_000)]),
        {400, 503},
    ),
    "a cookie of bytes": (
        request(f"GET {CALLBACK}?state=s&code=c", [("Cookie", 'crm_oauth="\\377\\000"; =; ;;a')]),
        {400, 503},
    ),
    "two cookies": (
        request(f"GET {CALLBACK}?state=s&code=c", [("Cookie", "crm_oauth=a"), ("Cookie", "crm_oauth=b")]),
        {400, 503},
    ),
}


def test_there_are_enough_of_them() -> None:
    """The list has at least sixty requests."""
    assert len(MEMBERS) >= 60


@pytest.mark.parametrize("name", MEMBERS)
async def test_a_hostile_request_is_refused(alone: Mesh, edge: httpx.AsyncClient, name: str) -> None:
    """The code is one that was meant for the request; the next client is answered."""
    answer = await answered(alone, MEMBERS[name], f"192.0.2.{[*MEMBERS].index(name)}")
    assert answer is None or not answer.all("location")
    assert (await edge.get("/healthz")).status_code == 200


async def answered(mesh: Mesh, member: Member, address: str) -> Answer | None:
    """Answer of the gateway of *mesh* to *member* from *address*: an expected status, no internals."""
    content, expected = member
    sent = content(mesh.secrets.token()) if callable(content) else content
    sent = sent.replace(HOST, HOST + f"\r\nX-Forwarded-For: {address}".encode(), 1)
    answer = await exchange(mesh.address("gateway"), sent)
    assert (CLOSED if answer is None else answer.status) in expected
    if answer is not None:
        names = {key for key, _ in answer.headers}
        assert not {"server", "x"} & names
        assert not [cookie for cookie in answer.all("set-cookie") if not cookie.startswith("crm_oauth")]
        assert not {b"evil", b"Traceback", b"alert(1)"} & set(answer.body.split())
    return answer
