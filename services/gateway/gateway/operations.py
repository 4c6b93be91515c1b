"""Endpoints for machines that watch the gateway: its state and its public keys."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Response
from grpc_utils import Peers
from service_kit import LIVENESS, READINESS

from gateway.bodies import Body
from gateway.keys import PublishedKeys
from gateway.policies import DISCOVERY, JWKS
from gateway.settings import GatewaySettings

_NEEDED: Final = ("auth", "users")  # the services that every endpoint stands on
# Shorter than the minute for which a new key is published before it signs (JWT_KEY_LEAD_S of auth).
_KEYS_CACHED: Final = {"cache-control": "public, max-age=30"}


class State(Body):
    """State of the gateway."""

    status: str


class Readiness(State):
    """State of the gateway with the services in *missing*, which do not answer.

    *revocations* is `ok`, or `behind` while revoked tokens may be accepted here: that changes no status.
    """

    missing: tuple[str, ...] = ()
    revocations: str


class Operations:
    """The endpoints; *in_step* tells whether revocations are followed."""

    def __init__(
        self, peers: Peers, keys: PublishedKeys, settings: GatewaySettings, in_step: Callable[[], bool]
    ) -> None:
        self._peers, self._keys, self._settings = peers, keys, settings
        self._in_step = in_step

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
        router = APIRouter(tags=["operations"])
        router.add_api_route(LIVENESS, self.live, methods=["GET"], response_model_exclude_defaults=True)
        router.add_api_route(
            READINESS,
            self.ready,
            methods=["GET"],
            response_model_exclude_defaults=True,
            responses={503: {"model": State, "description": "With the services that are missing."}},
        )
        router.add_api_route(JWKS, self.jwks, methods=["GET"])
        router.add_api_route(DISCOVERY, self.discovery, methods=["GET"])
        return router

    async def live(self) -> State:
        """Say that the process lives."""
        return State(status="ok")

    async def ready(self, response: Response) -> Readiness:
        """Say whether the services behind the gateway answer; 503 with those that do not."""
        answers = await asyncio.gather(*map(self._peers.serving, _NEEDED))
        missing = tuple(name for name, serving in zip(_NEEDED, answers, strict=True) if not serving)
        response.status_code = 503 if missing else 200
        return Readiness(
            status="degraded" if missing else "ok",
            missing=missing,
            revocations="ok" if self._in_step() else "behind",
        )

    async def jwks(self) -> Response:
        """Publish the public keys of our own tokens (RFC 7517)."""
        return Response(await self._keys.document(), media_type="application/json", headers=_KEYS_CACHED)

    async def discovery(self) -> dict[str, Any]:
        """Name the issuer of our tokens and where its keys are (OpenID Connect Discovery 1.0, section 3)."""
        return {
            "issuer": self._settings.jwt_issuer,
            "jwks_uri": f"{self._settings.base_url}{JWKS}",
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
