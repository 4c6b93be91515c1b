"""Layers around endpoints that fail, hang or are interrupted; the endpoints belong to these tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Response
from gateway.listener import HttpServer
from gateway.policies import GOOGLE_CALLBACK, LOGIN
from gateway.problems import Problem
from gateway.settings import GatewaySettings
from gateway.web import application
from grpc_utils import Authenticator
from service_kit import LIVENESS, READINESS, load
from service_testing import eventually, metric
from service_testing.http1 import request
from service_testing.web import web_client

Endpoint = Callable[[], Awaitable[Response]]


def page(problem: Problem, scope: Any) -> Response:
    """Page that a browser is shown for a problem."""
    return Response(f"page of {problem.code}", problem.status, media_type="text/html")


@asynccontextmanager
async def serving(patience: float = 0.5, **endpoints: Endpoint) -> AsyncIterator[tuple[HttpServer, str]]:
    """A server of these endpoints, at the paths of *healthz*, *readyz* and *callback*; its address.

    A request has *patience* seconds.
    """
    paths = {"healthz": LIVENESS, "readyz": READINESS, "callback": GOOGLE_CALLBACK}
    router = APIRouter()
    for name, endpoint in endpoints.items():
        router.add_api_route(paths[name], endpoint, methods=["GET"])
    settings = load(GatewaySettings, request_timeout_s=patience)
    server = HttpServer(
        application([router], Authenticator(None), settings, {GOOGLE_CALLBACK: page}), patience, 5.0
    )
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    await server.start(listening)
    try:
        yield server, address
    finally:
        await server.stop()


async def fail() -> Response:
    """Endpoint that raises an unexpected exception."""
    raise KeyError("a password")


async def hang() -> Response:
    """Endpoint that never answers."""
    await asyncio.Event().wait()
    return Response()


async def test_G3_a_bug_is_told_as_nothing_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A bug is 500 with the correlation id by which its log line is found."""
    async with serving(healthz=fail) as (_, address), web_client() as client:
        answer = await client.get(f"http://{address}{LIVENESS}", headers={"x-correlation-id": "bug-1"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["correlationId"]) == (500, "ERREUR_INTERNE", "bug-1")
    assert "a password" not in answer.text
    (record,) = [record for record in caplog.records if record.name == "gateway.telemetry"]
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


async def test_G3_a_bug_in_a_pop_up_ends_with_the_page() -> None:
    """A bug in a pop-up is answered with the page, since the window must close."""
    async with serving(callback=fail) as (_, address), web_client() as client:
        answer = await client.get(f"http://{address}{GOOGLE_CALLBACK}")
    assert (answer.status_code, answer.text) == (500, "page of ERREUR_INTERNE")


async def test_G2_a_request_has_its_time() -> None:
    """A request that takes too long is 504 in JSON, or the page in a pop-up."""
    async with serving(healthz=hang, callback=hang) as (_, address), web_client() as client:
        answer = await client.get(f"http://{address}{LIVENESS}")
        shown = await client.get(f"http://{address}{GOOGLE_CALLBACK}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "DELAI_DEPASSE")
    assert (shown.status_code, shown.text) == (504, "page of DELAI_DEPASSE")


async def test_a_request_under_way_ends_before_the_server_does() -> None:
    """A request under way at the stop is answered; new ones are refused."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow() -> Response:
        begun.set()
        await may_end.wait()
        return Response("done")

    async with serving(patience=15, healthz=slow) as (server, address), web_client() as client:
        asked = asyncio.create_task(client.get(f"http://{address}{LIVENESS}"))
        await begun.wait()
        stopping = asyncio.create_task(server.stop())
        await eventually(lambda: _is_closed(address))
        may_end.set()
        answer = await asked
        await stopping
    assert (answer.text, server.serving) == ("done", False)


async def _is_closed(address: str) -> bool:
    async with web_client() as client:
        try:
            await client.get(f"http://{address}{READINESS}")
        except httpx.TransportError:
            return True
    return False


async def test_who_goes_away_in_the_middle_is_counted_as_gone() -> None:
    """A client that disconnects is counted as 499, not as a failure of ours."""

    def gone() -> float:
        return metric("http_requests_total", route=LOGIN, method="POST", status="499")

    before = gone()
    async with serving(patience=15, healthz=hang) as (_, address):
        host, _, port = address.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = request(f"POST {LOGIN}", [("Content-Type", "application/json"), ("Content-Length", "100")])
        writer.write(head + b'{"email":')
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: gone() == before + 1)
