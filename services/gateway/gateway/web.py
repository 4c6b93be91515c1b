"""The application: the layers of a request on its way to an endpoint, and back.

telemetry → CORS → guard → endpoints. A failure behind the guard is turned into an answer here, by
`problem_of` alone.
"""

from collections.abc import Iterable, Mapping

import grpc
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from grpc_utils import Authenticator
from grpc_utils.errors import Refusal
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from gateway.contract import Application
from gateway.cors import Cors
from gateway.exchange import Scope, exchange_of
from gateway.guard import Guard, Refuse
from gateway.problems import Problem, Refused, problem_of
from gateway.settings import GatewaySettings
from gateway.telemetry import Telemetry

_EXPECTED = (Refused, Refusal, grpc.aio.AioRpcError, RequestValidationError, HTTPException)


def application(
    routers: Iterable[APIRouter],
    authenticator: Authenticator,
    settings: GatewaySettings,
    pages: Mapping[str, Refuse],
) -> ASGIApp:
    """The endpoints of *routers* behind all layers.

    *pages* make the answer to a browser that fails on their route; on every other route problems
    are told in JSON.
    """

    def refuse(problem: Problem, scope: Scope) -> Response:
        exchange = exchange_of(scope)
        if exchange.route in pages and scope["method"] in ("GET", "HEAD"):
            return pages[exchange.route](problem, scope)
        return problem.response(exchange.correlation)

    async def answer(request: Request, error: Exception) -> Response:
        return refuse(problem_of(error), request.scope)

    app = Application()
    for router in routers:
        app.include_router(router)
    for kind in (*_EXPECTED, Exception):
        app.add_exception_handler(kind, answer)
    guarded = Guard(app, authenticator, refuse, settings.request_timeout_s)
    return Telemetry(Cors(guarded, settings.frontend_origins), settings)
