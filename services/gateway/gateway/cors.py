"""Permission for pages of other origins to call from a browser (G7)."""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send

from gateway.exchange import Scope, exchange_of, header_of
from gateway.policies import POLICIES

_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type, x-correlation-id",
    "access-control-max-age": "600",
}
_VARY = (b"vary", b"Origin")


class Cors:
    """Layer around *app* that lets pages of *origins* read its answers, with cookies."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app, self._origins = app, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the request pass and add the headers to its answer."""
        route = exchange_of(scope).route
        if not (route and POLICIES[route].shared):
            await self._app(scope, receive, send)
            return
        origin = header_of(scope, "origin")
        allowed = _allowing(origin) if origin in self._origins else []

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *allowed, _VARY]}
            await send(message)

        if allowed and scope["method"] == "OPTIONS" and header_of(scope, "access-control-request-method"):
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)


def _allowing(origin: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-credentials", b"true"),
    ]
