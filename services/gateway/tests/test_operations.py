"""Endpoints for machines that watch the gateway: health, readiness, metrics, log."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import httpx
import orjson
import pytest
from grpc_utils.telemetry import log_calls_to
from service_testing import Mesh, eventually, metric
from tests.visitors import Someone, bearer, new_email


async def test_it_lives_whatever_is_behind_it(edge: httpx.AsyncClient) -> None:
    """Liveness is 200 while the process answers."""
    answer = await edge.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_its_services_are(web: httpx.AsyncClient, edge: httpx.AsyncClient) -> None:
    """Readiness is 503 with the names of the missing services, else 200."""
    there, alone = await web.get("/readyz"), await edge.get("/readyz")
    assert (there.status_code, there.json()) == (200, {"status": "ok", "revocations": "ok"})
    assert (alone.status_code, alone.json()) == (
        503,
        {"status": "degraded", "missing": ["auth", "users"], "revocations": "ok"},
    )


async def test_requests_are_counted_by_route(edge: httpx.AsyncClient) -> None:
    """Unknown paths are counted together, so that their names do not fill the memory."""
    known = {"route": "/healthz", "method": "GET", "status": "200"}
    strange = {"route": "unknown", "method": "other", "status": "404"}
    before = metric("http_requests_total", **known), metric("http_requests_total", **strange)
    await edge.get("/healthz?token=secret")
    await edge.request("BREW", "/coffee")
    after = metric("http_requests_total", **known), metric("http_requests_total", **strange)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert metric("http_request_seconds_count", route="/healthz") >= 1


async def test_sign_ins_are_counted_by_result(web: httpx.AsyncClient, jeanne: Someone) -> None:
    """Sign-ins are counted as OK or by their reason."""
    before = [metric("login_total", result=result) for result in ("OK", "IDENTIFIANTS_INVALIDES")]
    await web.post("/api/auth/login", json=jeanne.credentials)
    await web.post("/api/auth/login", json={**jeanne.credentials, "password": "une autre phrase"})
    after = [metric("login_total", result=result) for result in ("OK", "IDENTIFIANTS_INVALIDES")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Function that gives the lines about requests logged during the test."""
    stream = BytesIO()
    log_calls_to(stream)
    yield lambda: [orjson.loads(line) for line in stream.getvalue().splitlines()]
    log_calls_to(None)


async def test_a_request_is_one_line_without_secrets(
    mesh: Mesh, web: httpx.AsyncClient, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """The line has neither query nor headers, and the caller's address is masked (C16)."""
    email = new_email()
    caller = f"{email[0]}***@exemple.fr"
    token = mesh.secrets.token(user=email, organisation=None, email=email)
    headers = {**bearer(token), "x-correlation-id": "line-1", "cookie": "crm_oauth=biscuit"}
    await web.get("/api/profile?code=needle", headers=headers)
    # Lines of calls that earlier tests made may still arrive: they are flushed every 50 ms.
    (line,) = [line for line in lines() if (line["event"], line["correlation_id"]) == ("http", "line-1")]
    told = ("service", "route", "method", "status", "correlation_id", "caller")
    assert [line[name] for name in told] == [
        "gateway",
        "/api/profile",
        "GET",
        200,
        "line-1",
        caller,
    ]
    calls = await eventually(
        lambda: [one for one in lines() if one["event"] == "rpc" and one["caller"] == caller]
    )
    assert {one["correlation_id"] for one in calls} == {"line-1"}
    text = str(lines())
    assert [secret for secret in (token, "biscuit", "needle", email) if secret in text] == []
