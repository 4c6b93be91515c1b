"""Traces of requests: a span each, named by its route, below the one that the request came with."""

from collections.abc import AsyncIterator

import httpx
import pytest
from gateway.edge import GATEWAY
from service_testing import running
from service_testing.collector import Collector
from tests.visitors import ORIGINS, browser

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
async def traced(collector: Collector) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a gateway that traces, with nobody behind it."""
    async with running(GATEWAY, **ORIGINS) as mesh, browser(mesh) as client:
        yield client


async def test_a_request_is_a_span(traced: httpx.AsyncClient, collector: Collector) -> None:
    """It has the route, the method, the status and the correlation id, and nothing else."""
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-correlation-id": "c-1"}
    await traced.get("/healthz?secret=1", headers=headers)
    (span,) = await collector.named("GET /healthz")
    assert (span.service, span.kind, span.trace, span.parent) == ("gateway", "server", TRACE, SPAN)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/healthz",
        "http.response.status_code": 200,
        "crm.correlation_id": "c-1",
    }
    assert "secret" not in collector.file.read_text()


async def test_a_path_that_is_no_route_is_not_written(
    traced: httpx.AsyncClient, collector: Collector
) -> None:
    """Its span is named `unknown`: paths and headers are whatever somebody sends."""
    await traced.get("/any/thing", headers={"traceparent": "any", "tracestate": "thing"})
    (span,) = await collector.named("GET unknown")
    assert (span.parent, span.attributes["http.response.status_code"]) == ("", 404)
    assert "thing" not in collector.file.read_text()


async def test_a_request_calls_services_in_its_trace(traced: httpx.AsyncClient, collector: Collector) -> None:
    """What the gateway asks a service is a call below the request, failed where nobody answers."""
    await traced.post("/api/auth/login", json={"email": "anne@exemple.fr", "password": "secret-secret"})
    (request,) = await collector.named("POST /api/auth/login")
    calls = [one for one in collector.spans() if one.kind == "client" and one.parent == request.id]
    assert [(one.trace, one.failed) for one in calls] == [(request.trace, True)]
    assert [word for word in ("anne", "secret-secret") if word in collector.file.read_text()] == []
