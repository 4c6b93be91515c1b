"""The outermost layer: correlation, security headers, log, metrics and unexpected exceptions.

It gives each request its correlation id (G4) and each answer its security headers (G6), one
log line and two metrics. Paths outside the table and query strings are never written.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from grpc_utils import CORRELATION
from grpc_utils.telemetry import Calls, log_request, masked
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Send
from trace_utils import Carrier, Tracer, checked, trace_id, tracer_of

from gateway import exchange
from gateway.addresses import client_address
from gateway.exchange import Exchange, Scope, exchange_of, header_of, headers_of
from gateway.problems import UNEXPECTED
from gateway.routes import route_of
from gateway.settings import GatewaySettings

_log = logging.getLogger(__name__)

HTTP_TOTAL = Counter("http_requests_total", "Requests answered.", ["route", "method", "status"])
HTTP_SECONDS = Histogram("http_request_seconds", "Duration of requests.", ["route"])

_LONGEST_AGENT = 300  # characters
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNSTORED = ("/api/", "/land/")
_GONE = 499  # the client went away before the answer, as nginx counts it
_NO_ROUTE = "unknown"
_FAULT = 500  # and above: the fault is ours


class Telemetry:
    """Layer around *app*; *settings* tell which proxies are believed and whether browsers use https."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        self._app, self._calls = app, Calls("gateway")
        self._proxies = settings.proxies
        self._headers = _security_headers(settings.behind_tls)
        self._tracer = tracer_of("gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            return
        exchange.keep(scope, self._begun(scope))
        if self._tracer is None:
            await self._answer(scope, receive, send)
        else:
            await self._traced(self._tracer, scope, receive, send)

    async def _traced(self, tracer: Tracer, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request within a span, which names its route and never its path."""
        route, method = _named(scope)
        described = {"http.request.method": method, "http.route": route}
        span = tracer.begin("server", f"{method} {route}", described, _carrier(scope))
        with tracer.current(span):
            span.note("crm.correlation_id", exchange_of(scope).correlation)
            status = await self._answer(scope, receive, send)
            span.note("http.response.status_code", status)
            if status >= _FAULT:
                span.fail(str(status))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request and return the status."""
        answer = _Answer(scope, send, self._headers)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            _log.error("a request failed unexpectedly", exc_info=error)
            if not answer.status:
                response = UNEXPECTED.response(exchange_of(scope).correlation)
                await response(scope, receive, answer.send)
        finally:
            _note(scope, answer.status or _GONE)
        return answer.status or _GONE

    def _begun(self, scope: Scope) -> Exchange:
        correlation = self._calls.correlate(next(iter(headers_of(scope, CORRELATION)), ""))
        peer = (scope["client"] or ("",))[0]
        agent = "".join(filter(str.isprintable, header_of(scope, "user-agent")))
        route, path = route_of(scope)
        return Exchange(
            route=route,
            path=path,
            correlation=correlation,
            address=client_address(peer, headers_of(scope, "x-forwarded-for"), self._proxies),
            user_agent=agent[:_LONGEST_AGENT],
        )


class _Answer:
    """Wrapper of ASGI's send: it adds headers and keeps the status, 0 before the answer begins."""

    def __init__(self, scope: Scope, send: Send, headers: Mapping[str, str]) -> None:
        self._scope, self._send, self._headers = scope, send, headers
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*self._completed(message["headers"])]}
        await self._send(message)

    def _completed(self, given: Any) -> Any:
        """Headers *given* by the endpoint, and those that every answer has, unless it gave them itself."""
        added = {**self._headers, CORRELATION: exchange_of(self._scope).correlation}
        if self._scope["path"].startswith(_UNSTORED):
            added["cache-control"] = "no-store"
        named = {name for name, _ in given}
        yield from given
        yield from (
            (key.encode(), value.encode()) for key, value in added.items() if key.encode() not in named
        )


def _security_headers(behind_tls: bool) -> Mapping[str, str]:
    transport = {"strict-transport-security": "max-age=31536000"} if behind_tls else {}
    return {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", **transport}


def _carrier(scope: Scope) -> Carrier:
    """The trace that the request came with."""
    return checked((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])


def _named(scope: Scope) -> tuple[str, str]:
    """The route and the method of a request, by names of our own."""
    method = scope["method"] if scope["method"] in _METHODS else "other"
    return exchange_of(scope).route or _NO_ROUTE, method


def _note(scope: Scope, status: int) -> None:
    """Write the log line and the metrics of a request that has ended."""
    known = exchange_of(scope)
    seconds = time.perf_counter() - known.started
    route, method = _named(scope)
    HTTP_TOTAL.labels(route, method, str(status)).inc()
    HTTP_SECONDS.labels(route).observe(seconds)
    log_request(
        "http",
        service="gateway",
        route=route,
        method=method,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        correlation_id=known.correlation,
        **({"trace_id": trace} if (trace := trace_id()) else {}),
        caller=masked(known.identity.subject if known.identity is not None else ""),
    )
