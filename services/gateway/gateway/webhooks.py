"""Notifications of identity providers, passed on unchanged; the users service judges them."""

import logging
import time
from dataclasses import replace
from typing import Annotated, Final

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub
from fastapi import APIRouter, Request
from grpc_utils import Peers

from gateway.bodies import Body
from gateway.calls import WEBHOOK_PATIENCE
from gateway.contract import problems
from gateway.exchange import header_of
from gateway.forms import one_of
from gateway.measures import WEBHOOK_TOTAL
from gateway.policies import JSON, JWT, WEBHOOK, WEBHOOK_HEALTH
from gateway.problems import Problem, Refused, problem_of
from gateway.settings import GatewaySettings

_log = logging.getLogger(__name__)

_PROVIDER: Final = "kinde"
_TYPE: Final = "content-type"
_PASSED_ON: Final = (_TYPE, "x-kinde-signature", "x-kinde-timestamp", "webhook-id")
_FOR_EVER: Final = frozenset({"HORS_FENETRE"})
_NOT_READY: Final = Problem(503, "WEBHOOK_INDISPONIBLE", "Les notifications ne peuvent pas être reçues.")


_BODY: Final = {
    "content": {JSON: {"schema": {"type": "object"}}, JWT: {"schema": {"type": "string"}}},
    "required": True,
}
_PARAMETERS: Final = [
    {"name": name, "in": "header", "schema": {"type": "string"}} for name in _PASSED_ON if name != _TYPE
]
_PROBLEMS: Final = {
    400: "A notification that is malformed, or `HORS_FENETRE`.",
    401: "`SIGNATURE_INVALIDE`: no signature, or a wrong one.",
}
_RESULTS: Final = ("TRAITE", "DOUBLON", "IGNORE", "CONFLIT", "EN_FILE")


class Received(Body):
    """Result of a notification."""

    received: bool
    result: Annotated[str, one_of(_RESULTS)]
    event_id: str


class Health(Body):
    """Confirmation that notifications can be received."""

    status: str


class Webhooks:
    """The endpoints for notifications."""

    def __init__(self, peers: Peers, settings: GatewaySettings) -> None:
        self._peers, self._settings = peers, settings
        self._directory = peers.stub(SyncServiceStub)

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
        router = APIRouter(tags=["webhook"])
        router.add_api_route(
            WEBHOOK,
            self.receive,
            methods=["POST"],
            responses=problems(_PROBLEMS),
            openapi_extra={"requestBody": _BODY, "parameters": _PARAMETERS},
        )
        router.add_api_route(WEBHOOK_HEALTH, self.health, methods=["GET"])
        return router

    async def receive(self, request: Request) -> Received:
        """Take in a signed notification; a copy of it has no further effect."""
        asked = pb.HandleProviderWebhookRequest(
            fournisseur=_PROVIDER,
            corps=await request.body(),
            content_type=header_of(request.scope, _TYPE),
            entetes={name: value for name in _PASSED_ON if (value := header_of(request.scope, name))},
        )
        started = time.perf_counter()
        try:
            answer = await self._directory.HandleProviderWebhook(asked, timeout=WEBHOOK_PATIENCE)
        except Exception as error:
            problem = _told_to_provider(problem_of(error))
            _note(problem.code, "", "", started)
            raise Refused(problem) from error
        _note(answer.resultat, answer.type, answer.event_id, started)
        return Received(received=True, result=answer.resultat, event_id=answer.event_id)

    async def health(self) -> Health:
        """Tell whether notifications can be received."""
        if not (self._settings.webhooks_configured and await self._peers.serving("users")):
            raise Refused(_NOT_READY)
        return Health(status="ok")


def _told_to_provider(problem: Problem) -> Problem:
    """Problem for the provider: what no repetition can mend becomes 400, so that it stops sending."""
    return replace(problem, status=400) if problem.code in _FOR_EVER else problem


def _note(result: str, kind: str, event_id: str, started: float) -> None:
    """Count a notification and write its line, which holds nothing of its body."""
    WEBHOOK_TOTAL.labels(result).inc()
    duration = round((time.perf_counter() - started) * 1000, 2)
    _log.info("webhook %s type=%s event_id=%s duration_ms=%s", result, kind, event_id, duration)
