"""Endpoints of integrations while nobody answers behind them: limits, proofs, forms, other endpoints."""

from collections.abc import AsyncIterator
from itertools import cycle

import httpx
import pytest
from crm.users.users_pb2 import ListUtilisateursRequest
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from gateway.edge import GATEWAY
from gateway.policies import ACCOUNT, POLICIES
from service_testing import Mesh, eventually, running
from tests.visitors import FRONT, ORIGINS, Log, bearer, browser, code, outsider

BASE = "/api/integrations"
CALLBACK = f"{BASE}/google/callback"
PAGE = f"{FRONT}/parametres/integrations"
JSON = {"accept": "application/json"}
WAYS = (
    ("GET", f"{BASE}/providers"),
    ("GET", BASE),
    ("POST", f"{BASE}/google/connect"),
    ("POST", f"{BASE}/google/117/refresh"),
    ("DELETE", f"{BASE}/google/117"),
)


async def ask(web: httpx.AsyncClient, method: str, path: str, token: str) -> httpx.Response:
    """Send a request with *token*, and with a body where one belongs."""
    body = {"redirectUrl": ""} if path.endswith("connect") else None
    return await web.request(method, path, json=body, headers=bearer(token))


@pytest.fixture
async def lonely() -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a gateway of this test alone, with nobody behind it."""
    async with running(GATEWAY, **ORIGINS) as mesh, browser(mesh) as web:
        web.headers["authorization"] = f"Bearer {mesh.secrets.token()}"
        yield web


@pytest.mark.parametrize(("method", "path"), WAYS)
async def test_without_the_service_its_endpoints_say_so(
    edge: httpx.AsyncClient, alone: Mesh, method: str, path: str
) -> None:
    """Every endpoint is 503 with Retry-After."""
    answer = await ask(edge, method, path, alone.secrets.token())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["retryable"] is True


async def test_without_the_service_a_browser_that_comes_back_is_sent_on(edge: httpx.AsyncClient) -> None:
    """A browser is sent to the default page with the reason, by GET and HEAD; a program gets JSON."""
    query = {"code": "c", "state": "s"}
    sent_on = [await edge.request(method, CALLBACK, params=query) for method in ("GET", "HEAD")]
    told = await edge.get(CALLBACK, params=query, headers=JSON)
    assert [answer.status_code for answer in sent_on] == [302, 302]
    assert {answer.headers["location"] for answer in sent_on} <= {
        f"{PAGE}?status=error&code=DEPENDANCE_INDISPONIBLE",
        f"{PAGE}?status=error&code=CIRCUIT_OUVERT",
    }
    assert told.status_code == 503


async def test_G8_a_user_has_one_limit_for_all_integrations(edge: httpx.AsyncClient, alone: Mesh) -> None:
    """A user has 120 requests a minute for all these endpoints together; others are answered."""
    token, ways = alone.secrets.token(user="insatiable-2"), cycle(WAYS)
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 240:
        statuses.append((await ask(edge, *next(ways), token)).status_code)
    refused = await ask(edge, *WAYS[0], token)
    other = await ask(edge, *WAYS[0], alone.secrets.token(user="modest"))
    assert (statuses[:120], statuses[-1]) == ([503] * 120, 429)
    assert (code(refused), other.status_code) == ((429, "TROP_DE_REQUETES"), 503)
    assert refused.headers["retry-after"] == str(refused.json()["error"]["retryAfter"])


async def test_G8_too_many_callbacks_are_refused_at_once(edge: httpx.AsyncClient) -> None:
    """More than 30 callbacks a minute of one address are 429 without a redirection."""
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 60:
        path = f"{BASE}/provider-{len(statuses)}/callback"
        statuses.append((await edge.get(path, headers={"x-forwarded-for": "192.0.2.77"})).status_code)
    assert (statuses[:30], statuses[-1]) == ([302] * 30, 429)
    assert (await edge.get(CALLBACK)).status_code == 302


@pytest.mark.parametrize(
    "query",
    [
        "state=s&code=" + "x" * 2049,
        "code=c&state=" + "x" * 513,
        "state=s&error=" + "x" * 201,
        "state=s&code=c&error=access_denied",
        "state=s&code=c&state=t",
        "state=s&code=c&code=d",
    ],
    ids=["code", "state", "error", "both", "two states", "two codes"],
)
async def test_G13_parameters_beyond_their_bounds_are_not_passed_on(
    edge: httpx.AsyncClient, query: str
) -> None:
    """A browser is sent to the default page with the reason; a program gets 400."""
    sent_on = await edge.get(f"{CALLBACK}?{query}")
    told = await edge.get(f"{CALLBACK}?{query}", headers=JSON)
    assert sent_on.headers["location"] == f"{PAGE}?status=error&code=PARAMETRES_INVALIDES"
    assert code(told) == (400, "PARAMETRES_INVALIDES")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 302),
        ("*/*", 302),
        ("application/jsonp", 302),
        ("application/json", 503),
        ("Application/JSON; charset=utf-8", 503),
        ("application/json, text/plain, */*", 503),
        ("text/plain,application/json;q=0.5", 503),
    ],
)
async def test_G14_only_programs_are_told_in_json(edge: httpx.AsyncClient, accept: str, status: int) -> None:
    """A client that names application/json gets JSON; a browser that follows a redirection does not."""
    answer = await edge.get(CALLBACK, params={"code": "c", "state": "s"}, headers={"accept": accept})
    assert answer.status_code == status


async def test_G6_what_a_provider_sends_back_is_kept_nowhere(edge: httpx.AsyncClient) -> None:
    """Headers keep the address with the code from caches and from the next page."""
    headers = (await edge.get(CALLBACK, params={"code": "c", "state": "s"})).headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_G14_code_and_state_are_in_no_log(edge: httpx.AsyncClient, log: Log) -> None:
    """Logs have neither code nor state, also of a request that cannot be read."""
    await edge.get(CALLBACK, params={"code": "needle-1", "state": "needle-2"})
    await edge.get(CALLBACK, params={"code": "needle-3", "error": "needle-4"})
    await edge.get(f"{BASE}/needle-5%00/callback", params={"state": "needle-6"})
    assert '"route":"/api/integrations/{provider}/callback"' in log()
    assert "needle" not in log()


async def test_a_request_that_fails_is_a_visit_too(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The directory learns of a caller although nobody answers for integrations."""
    email, token = outsider(mesh)
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")

    async def known() -> bool:
        return len((await people.List(ListUtilisateursRequest(search=email))).utilisateurs) == 1

    assert (await web.get(BASE, headers=bearer(token))).status_code == 503
    await eventually(known)


async def test_G7_a_page_of_an_allowed_origin_may_disconnect(edge: httpx.AsyncClient) -> None:
    """The preflight of a DELETE whose path holds an identifier is answered."""
    asked = {"origin": FRONT, "access-control-request-method": "DELETE"}
    answer = await edge.options(f"{BASE}/google/a%2Fb", headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, FRONT)
    assert "DELETE" in answer.headers["access-control-allow-methods"]


async def test_G10_what_only_can_be_deleted_says_so(edge: httpx.AsyncClient) -> None:
    """GET and HEAD of an account are 405 with Allow; OPTIONS is answered."""
    get = await edge.get(f"{BASE}/google/117")
    head = await edge.head(f"{BASE}/google/117")
    assert {(answer.status_code, answer.headers["allow"]) for answer in (get, head)} == {
        (405, "DELETE, OPTIONS")
    }
    assert (await edge.options(f"{BASE}/google/117")).headers["allow"] == "DELETE, OPTIONS"
    assert POLICIES[ACCOUNT].methods == ("DELETE", "OPTIONS")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "FORMAT_INVALIDE"),
        (b"{", "JSON_INVALIDE"),
        (b'{"redirectUrl":7}', "FORMAT_INVALIDE"),
        (b'{"redirectUrl":"' + b"a" * 2049 + b'"}', "TROP_LONG"),
    ],
)
async def test_G1_a_wish_that_cannot_be_read_is_400(
    edge: httpx.AsyncClient, alone: Mesh, content: bytes, reason: str
) -> None:
    """A malformed body is 400 before any call."""
    headers = {**bearer(alone.secrets.token()), "content-type": "application/json"}
    answer = await edge.post(f"{BASE}/google/connect", content=content, headers=headers)
    assert code(answer) == (400, reason)
