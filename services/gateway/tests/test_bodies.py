"""Forms and sizes of bodies (G1, G2), at a gateway with nobody behind it: 503 says that a body has passed."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from gateway.edge import GATEWAY
from service_testing import Mesh, running
from service_testing.http1 import exchange, request
from service_testing.web import web_client
from tests.visitors import code

LOGIN = "/api/auth/login"
CREDENTIALS = {"email": "a@example.com", "password": "secret"}
JSON = {"content-type": "application/json"}
AUTH_IS_AWAY = {(503, "DEPENDANCE_INDISPONIBLE"), (503, "CIRCUIT_OUVERT")}  # the latter after five calls


async def test_G1_unknown_fields_are_ignored(edge: httpx.AsyncClient) -> None:
    """An unknown field does not stop a body: the call gets as far as auth, which is away here."""
    answer = await edge.post(LOGIN, json={**CREDENTIALS, "role": "ADMIN", "ip": {}})
    assert code(answer) in AUTH_IS_AWAY


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'a':1}", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"[" * 10_000, b'{"a":' * 3_000, b"9" * 5_000],
    ids=["empty", "cut", "quotes", "utf-16", "bom", "nested", "nested objects", "long number"],
)
async def test_G1_invalid_json_is_refused(edge: httpx.AsyncClient, body: bytes) -> None:
    """Text that is no JSON object is 400, and never a 500."""
    status, reason = code(await edge.post(LOGIN, content=body, headers=JSON))
    assert (status, reason in {"JSON_INVALIDE", "FORMAT_INVALIDE", "CHAMP_REQUIS"}) == (400, True)


@pytest.mark.parametrize(
    ("body", "reason", "champ"),
    [
        ([], "FORMAT_INVALIDE", None),
        ({"email": "a@example.com"}, "CHAMP_REQUIS", "password"),
        ({"password": "x"}, "CHAMP_REQUIS", "email"),
        ({**CREDENTIALS, "password": ""}, "CHAMP_REQUIS", "password"),
        ({**CREDENTIALS, "password": None}, "FORMAT_INVALIDE", "password"),
        ({**CREDENTIALS, "email": 1}, "FORMAT_INVALIDE", "email"),
        ({**CREDENTIALS, "email": ["a@example.com"]}, "FORMAT_INVALIDE", "email"),
    ],
    ids=["array", "no password", "no email", "empty", "null", "number", "list"],
)
async def test_G1_a_field_of_another_form_is_named(
    edge: httpx.AsyncClient, body: object, reason: str, champ: str | None
) -> None:
    """The problem has the reason of a service and the name of the field, not its value."""
    answer = await edge.post(LOGIN, json=body)
    assert (code(answer), answer.json()["error"].get("champ")) == ((400, reason), champ)
    assert "example.com" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/jwt"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "é/\x80"},
    ],
    ids=["none", "text", "form", "jwt", "utf-16", "gzip", "nonsense"],
)
async def test_G1_only_json_is_read(edge: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Any other content type is 415, so that no page can send a form across origins."""
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = await edge.post(LOGIN, content=json.dumps(CREDENTIALS), headers=encoded)
    assert code(answer) == (415, "TYPE_NON_ADMIS")


async def test_G1_the_spelling_of_the_content_type_does_not_matter(edge: httpx.AsyncClient) -> None:
    """Media types are compared without case, and UTF-8 may be named."""
    headers = {"content-type": 'Application/JSON; charset="UTF-8"'}
    answer = await edge.post(LOGIN, content=json.dumps(CREDENTIALS), headers=headers)
    assert answer.status_code == 503


@pytest.mark.parametrize(("path", "limit"), [(LOGIN, 16), ("/api/webhook", 256)], ids=["login", "webhook"])
async def test_G2_a_body_has_its_limit(edge: httpx.AsyncClient, path: str, limit: int) -> None:
    """A byte above the limit is 413, whether it is announced or found while reading."""
    largest = json.dumps({**CREDENTIALS, "more": ""}).encode()
    fitting = largest.replace(b'""', b'"' + b"x" * (limit * 1024 - len(largest)) + b'"')
    assert len(fitting) == limit * 1024
    passed = await edge.post(path, content=fitting, headers=JSON)
    announced = await edge.post(path, content=fitting + b" ", headers=JSON)
    found = await edge.post(path, content=_chunks(fitting + b" "), headers=JSON)
    assert passed.status_code == 503
    assert (code(announced), code(found)) == ((413, "CORPS_TROP_GRAND"), (413, "CORPS_TROP_GRAND"))


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 10_000):
        yield content[at : at + 10_000]


async def test_G2_bodies_that_nobody_reads_have_a_limit_too(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """A body where none is expected is 413 above 8 KiB."""
    headers = {"authorization": f"Bearer {alone.secrets.token()}"}
    assert (await edge.post("/api/auth/logout", content=b"x" * 8192, headers=headers)).status_code == 503
    assert (await edge.post("/api/auth/logout", content=b"x" * 8193, headers=headers)).status_code == 413


async def test_G2_headers_have_a_limit(edge: httpx.AsyncClient) -> None:
    """Headers of more than 16 KiB are 431."""
    answer = await edge.get("/healthz", headers={f"x-{number}": "x" * 1000 for number in range(17)})
    assert code(answer) == (431, "EN_TETES_TROP_GRANDS")


async def test_G2_headers_without_an_end_are_not_collected(alone: Mesh) -> None:
    """A connection is given up when its headers have no end."""
    endless = b"GET /healthz HTTP/1.1\r\n" + b"x-a: b\r\n" * 10_000
    answer = await exchange(alone.address("gateway"), endless)
    assert answer is None or answer.status == 400


@pytest.fixture(scope="module")
async def hurried() -> AsyncIterator[Mesh]:
    """A gateway that gives a request very little time."""
    async with running(GATEWAY, request_timeout_s=0.5) as mesh:
        yield mesh


async def test_G2_a_body_that_does_not_arrive_in_time_is_given_up(hurried: Mesh) -> None:
    """A body that is late is 504, and the connection is closed."""
    headers = [("Content-Type", "application/json"), ("Content-Length", "100")]
    answer = await exchange(hurried.address("gateway"), request(f"POST {LOGIN}", headers) + b'{"email":')
    assert answer is not None
    assert (answer.status, answer.all("connection")) == (504, ["close"])
    assert json.loads(answer.body)["error"]["code"] == "DELAI_DEPASSE"


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost:"], ids=["nothing", "half a head"])
async def test_G2_a_connection_that_asks_nothing_is_closed(hurried: Mesh, sent: bytes) -> None:
    """A silent connection is closed without an answer after the time of a request."""
    assert await exchange(hurried.address("gateway"), sent) is None


async def test_G2_a_connection_may_be_used_again_after_a_while(hurried: Mesh) -> None:
    """A pause between two requests may be longer than the time of a request."""
    address = hurried.address("gateway")
    ports = []
    async with web_client(base_url=f"http://{address}") as client:
        for _ in range(2):
            answer = await client.get("/healthz")
            ports.append(answer.extensions["network_stream"].get_extra_info("client_addr")[1])
            assert await exchange(address, b"") is None  # which takes as long as a request may
    assert ports[0] == ports[1]
