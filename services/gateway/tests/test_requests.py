"""Rules for every request: correlation, headers, origins, methods (G4, G6, G7, G10)."""

from collections.abc import AsyncIterator

import httpx
import pytest
from gateway.edge import GATEWAY
from gateway.policies import POLICIES, SYNC, WEBHOOK, WEBHOOK_HEALTH
from service_testing import Mesh, running
from service_testing.http1 import exchange, request
from service_testing.web import web_client
from tests.visitors import FRONT, OTHER_FRONT

LOGIN = "/api/auth/login"
EVERY_PATH = pytest.mark.parametrize("path", POLICIES)
CORS = "access-control-"


def cors(answer: httpx.Response) -> dict[str, str]:
    """CORS headers of *answer*."""
    return {name.removeprefix(CORS): value for name, value in answer.headers.items() if name.startswith(CORS)}


async def test_G4_a_correlation_id_is_taken_over(edge: httpx.AsyncClient) -> None:
    """A safe correlation id comes back in the header and in the problem."""
    answer = await edge.get("/nowhere", headers={"x-correlation-id": "order-7.b_2"})
    assert answer.headers["x-correlation-id"] == "order-7.b_2"
    assert answer.json()["error"]["correlationId"] == "order-7.b_2"


@pytest.mark.parametrize("unsafe", ["", "a b", "<script>", "x" * 65, "é", '"'])
async def test_G4_an_unsafe_correlation_id_is_replaced(edge: httpx.AsyncClient, unsafe: str) -> None:
    """An unsafe correlation id is replaced by a new one for each request."""
    headers = {b"x-correlation-id": unsafe.encode("latin-1")}
    made = {(await edge.get("/healthz", headers=headers)).headers["x-correlation-id"] for _ in range(2)}
    assert len(made) == 2
    assert unsafe not in made


@EVERY_PATH
async def test_G6_every_answer_has_the_security_headers(edge: httpx.AsyncClient, path: str) -> None:
    """Every answer, also a refusal, has the headers; none names the server, API answers are not stored."""
    headers = (await edge.request(POLICIES[path].method, path)).headers
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert "server" not in headers
    if path.startswith(("/api/", "/land/")):
        assert headers["cache-control"] == "no-store"


async def test_G6_over_http_nothing_is_promised_about_https(edge: httpx.AsyncClient) -> None:
    """Strict-Transport-Security is absent when the base URL is http."""
    assert "strict-transport-security" not in (await edge.get("/healthz")).headers


@pytest.fixture(scope="module")
async def behind_tls() -> AsyncIterator[Mesh]:
    """A gateway that browsers reach over https."""
    async with running(GATEWAY, public_base_url="https://crm.example/") as mesh:
        yield mesh


async def test_G6_over_https_browsers_are_to_stay_there(behind_tls: Mesh) -> None:
    """Strict-Transport-Security is sent for a year, without the subdomains."""
    async with web_client(base_url=f"http://{behind_tls.address('gateway')}") as client:
        headers = (await client.get("/healthz")).headers
    assert headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("origin", [FRONT, OTHER_FRONT])
async def test_G7_an_allowed_origin_may_call_with_cookies(edge: httpx.AsyncClient, origin: str) -> None:
    """An allowed origin gets its own name back, never `*`."""
    answer = await edge.get("/api/profile", headers={"origin": origin})
    assert cors(answer) == {"allow-origin": origin, "allow-credentials": "true"}
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evil-app.example",
        "https://app.example:444",
        "http://app.example",
        "https://APP.example",
        "https://app.example/",
        "null",
        "*",
        "",
    ],
)
async def test_G7_no_other_origin_is_told_anything(edge: httpx.AsyncClient, origin: str) -> None:
    """Another origin gets no CORS header, for a request or its preflight."""
    asked = {"origin": origin, "access-control-request-method": "POST"}
    request, preflight = await edge.get("/healthz", headers=asked), await edge.options(LOGIN, headers=asked)
    assert (cors(request), cors(preflight)) == ({}, {})


async def test_G7_a_preflight_is_answered_and_kept(edge: httpx.AsyncClient) -> None:
    """A preflight without proof is answered with methods, headers and 600 seconds."""
    asked = {
        "origin": FRONT,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    answer = await edge.options("/api/profile", headers=asked)
    assert (answer.status_code, cors(answer)) == (
        204,
        {
            "allow-origin": FRONT,
            "allow-credentials": "true",
            "allow-methods": "GET, POST, DELETE",
            "allow-headers": "authorization, content-type, x-correlation-id",
            "max-age": "600",
        },
    )


@pytest.mark.parametrize("path", [WEBHOOK, WEBHOOK_HEALTH, SYNC])
async def test_G7_machines_need_no_cors(edge: httpx.AsyncClient, path: str) -> None:
    """Paths for machines send no CORS header, not even to an allowed origin."""
    asked = {"origin": FRONT, "access-control-request-method": "POST"}
    answers = [await edge.request(method, path, headers=asked) for method in ("POST", "GET", "OPTIONS")]
    assert [cors(answer) for answer in answers] == [{}, {}, {}]


@EVERY_PATH
async def test_G10_other_methods_are_refused_with_those_that_are_not(
    edge: httpx.AsyncClient, path: str
) -> None:
    """A method that a path does not know is 405 with Allow."""
    policy = POLICIES[path]
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - {*policy.methods}:
        answer = await edge.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(policy.methods))
        assert answer.json()["error"]["code"] == "METHODE_NON_ADMISE"


@EVERY_PATH
async def test_G10_options_tells_the_methods(edge: httpx.AsyncClient, path: str) -> None:
    """OPTIONS needs neither proof nor body, and answers Allow."""
    answer = await edge.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (204, ", ".join(POLICIES[path].methods))


async def test_G10_head_is_get_without_a_body(edge: httpx.AsyncClient) -> None:
    """HEAD has the length of GET and no body."""
    get, head = await edge.get("/docs"), await edge.head("/docs")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/healthz/",
        "//healthz",
        "/Healthz",
        "/api",
        "/api/auth/login/",
        "/api/../healthz",
        "/metrics",
    ],
)
async def test_G10_an_unknown_path_is_not_found(alone: Mesh, path: str) -> None:
    """Unknown paths are 404: a slash at the end makes one, and metrics have a port of their own."""
    answer = await exchange(alone.address("gateway"), request(f"GET {path}"))
    assert answer is not None
    assert answer.status == 404
