"""The caller's accounts at outside providers: connect, list, renew, disconnect (G14, G15).

The integrations service decides; these endpoints are its HTTP form. `targets.py` judges the
addresses to which browsers are sent.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub, TokenServiceStub
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from google.protobuf.json_format import MessageToDict
from grpc_utils import Peers

from gateway import targets
from gateway.accounts import (
    ACCOUNT_PROBLEMS,
    CONNECT_PROBLEMS,
    FINISH_PROBLEMS,
    LIST_PROBLEMS,
    REFRESH_PROBLEMS,
    AccountId,
    Filter,
    Provider,
    RedirectUrl,
)
from gateway.bodies import Body
from gateway.callbacks import PARAMETERS, parameters
from gateway.calls import CALLBACK_PATIENCE, USUAL, bearer, instant
from gateway.exchange import Scope, accepts, exchange_of
from gateway.forms import Instant
from gateway.policies import (
    ACCOUNT,
    ACCOUNT_REFRESH,
    CONNECT,
    CONNECT_CALLBACK,
    INTEGRATIONS,
    JSON,
    PROVIDERS,
)
from gateway.problems import Problem, Refused
from gateway.security import USER
from gateway.settings import GatewaySettings
from gateway.visits import Visits

T = TypeVar("T")

_PARTIAL = "partial"
_DEFAULT_PAGE = "/parametres/integrations"
_SAID_AT_ONCE: Final = frozenset({413, 429, 431})  # faults of the request, not of the connection
_FORBIDDEN: Final = Problem(400, "INVALID_REDIRECT_URL", "Cette adresse de retour n'est pas autorisée.")


class KnownProvider(Body):
    """A provider; *actif* when it is configured here, *refresh* when its tokens can be renewed."""

    code: str
    nom: str
    actif: bool
    pkce: bool
    refresh: bool


class Providers(Body):
    """All providers."""

    providers: tuple[KnownProvider, ...]


class Integration(Body):
    """A connected account. *status* is connected, partial, expired, error or disconnected.

    partial: a permission that some use of the account needs was not granted; *missing_scopes* names
    it, and connecting again asks for it.
    """

    id: str
    provider: str
    provider_account_id: str
    is_connected: bool
    status: str
    missing_scopes: tuple[str, ...]
    expires_at: Instant | None
    metadata: dict[str, Any]
    created_at: Instant
    updated_at: Instant


class Integrations(Body):
    """The caller's accounts, the newest first."""

    integrations: tuple[Integration, ...]


class Wish(Body):
    """Address at which the browser ends; empty for the default page."""

    redirect_url: RedirectUrl = ""


class Departure(Body):
    """Address to which the browser goes now, and the state that it will bring back."""

    auth_url: str
    state: str


class Connected(Body):
    """The connected account and its user."""

    user_id: str
    account_id: str


class Disconnected(Body):
    """Confirmation of the end; *revoked* when the provider has confirmed it too."""

    success: bool
    revoked: bool


class Accounts:
    """The endpoints; *visits* tells the directory who has called."""

    def __init__(self, peers: Peers, settings: GatewaySettings, visits: Visits) -> None:
        self._accounts, self._tokens = peers.stub(IntegrationServiceStub), peers.stub(TokenServiceStub)
        self._origins, self._visits = settings.redirect_origins, visits

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
        router = APIRouter(tags=["integrations"])
        router.add_api_route(PROVIDERS, self.providers, methods=["GET"], dependencies=USER)
        router.add_api_route(
            INTEGRATIONS, self.list, methods=["GET"], dependencies=USER, responses=LIST_PROBLEMS
        )
        router.add_api_route(
            CONNECT,
            self.connect,
            methods=["POST"],
            dependencies=USER,
            responses=CONNECT_PROBLEMS,
        )
        router.add_api_route(
            CONNECT_CALLBACK,
            self.finish,
            methods=["GET"],
            status_code=302,
            response_class=RedirectResponse,
            response_description="To where the connection began, or to the default page when it has failed.",
            responses={
                200: {"model": Connected, "description": "To who accepts application/json."},
                **FINISH_PROBLEMS,
            },
            openapi_extra=PARAMETERS,
        )
        router.add_api_route(
            ACCOUNT_REFRESH,
            self.refresh,
            methods=["POST"],
            dependencies=USER,
            responses=REFRESH_PROBLEMS,
        )
        router.add_api_route(
            ACCOUNT,
            self.disconnect,
            methods=["DELETE"],
            dependencies=USER,
            responses=ACCOUNT_PROBLEMS,
        )
        return router

    async def providers(self, request: Request) -> Providers:
        """List the providers, and whether they are switched on here."""
        answer = await self._ask(request, self._accounts.ListProviders, pb.ListProvidersRequest())
        return Providers(providers=tuple(map(_provider, answer.providers)))

    async def list(self, request: Request, provider: Filter = "") -> Integrations:
        """List the caller's accounts, at one provider or at all."""
        asked = pb.ListIntegrationsRequest(user_id=_user_id(request), provider=provider)
        answer = await self._ask(request, self._accounts.List, asked)
        return Integrations(integrations=tuple(map(_integration, answer.integrations)))

    async def connect(self, request: Request, provider: Provider, wish: Wish) -> Departure:
        """Begin to connect an account: the browser goes to its provider."""
        exchange = exchange_of(request.scope)
        asked = pb.InitiateOAuthRequest(
            user_id=_user_id(request),
            provider=provider,
            redirect_url=wish.redirect_url,
            ip=exchange.address,
            user_agent=exchange.user_agent,
        )
        answer = await self._ask(request, self._accounts.InitiateOAuth, asked)
        return Departure(auth_url=answer.auth_url, state=answer.state)

    async def finish(self, request: Request, provider: Provider) -> Response:
        """Finish a connection: the browser goes back to where it began."""
        exchange = exchange_of(request.scope)
        asked = pb.HandleCallbackRequest(
            **parameters(request), provider=provider, ip=exchange.address, user_agent=exchange.user_agent
        )
        answer = await self._accounts.HandleCallback(asked, timeout=CALLBACK_PATIENCE)
        if accepts(request.scope, JSON):
            told = Connected(user_id=answer.user_id, account_id=answer.account_id)
            return JSONResponse(told.model_dump(by_alias=True))
        if not targets.is_allowed(answer.redirect_url, self._origins):
            raise Refused(_FORBIDDEN)
        status = _PARTIAL if answer.integration.status == _PARTIAL else "connected"
        return _sent_on(answer.redirect_url, integration=provider, status=status, account=answer.account_id)

    def failed(self, problem: Problem, scope: Scope) -> Response:
        """Answer to a connection that has ended with *problem*.

        A browser is redirected to the default page; programs and faulty requests get the problem in JSON.
        """
        if problem == _FORBIDDEN or problem.status in _SAID_AT_ONCE or accepts(scope, JSON):
            return problem.response(exchange_of(scope).correlation)
        return _sent_on(self._origins[0] + _DEFAULT_PAGE, status="error", code=problem.code)

    async def refresh(self, request: Request, provider: Provider, account_id: AccountId) -> Integration:
        """Renew the tokens of an account now."""
        asked = pb.RefreshRequest(user_id=_user_id(request), provider=provider, account_id=account_id)
        answer = await self._ask(request, self._tokens.Refresh, asked)
        return _integration(answer.integration)

    async def disconnect(self, request: Request, provider: Provider, account_id: AccountId) -> Disconnected:
        """Disconnect an account: its tokens are erased, and revoked where the provider can do that."""
        exchange = exchange_of(request.scope)
        asked = pb.DisconnectRequest(
            user_id=_user_id(request),
            provider=provider,
            account_id=account_id,
            ip=exchange.address,
            user_agent=exchange.user_agent,
        )
        answer = await self._ask(request, self._accounts.Disconnect, asked)
        return Disconnected(success=answer.success, revoked=answer.revoque)

    async def _ask(self, request: Request, call: Callable[..., Awaitable[T]], asked: object) -> T:
        """The answer to *asked*, with the token of the caller himself.

        A call without side effects, as its contract says, is repeated by its channel.
        """
        exchange = exchange_of(request.scope)
        try:
            return await call(asked, timeout=USUAL, metadata=bearer(exchange.token))
        finally:
            self._visits.tell(exchange.caller.subject, exchange.token)


def _user_id(request: Request) -> str:
    return exchange_of(request.scope).caller.subject


def _sent_on(target: str, **told: str) -> Response:
    return RedirectResponse(targets.with_parameters(target, **told), 302)


def _provider(known: pb.Fournisseur) -> KnownProvider:
    return KnownProvider(
        code=known.code, nom=known.nom, actif=known.actif, pkce=known.pkce, refresh=known.refresh
    )


def _integration(known: pb.Integration) -> Integration:
    return Integration(
        id=known.id,
        provider=known.provider,
        provider_account_id=known.provider_account_id,
        is_connected=known.is_connected,
        status=known.status,
        missing_scopes=tuple(known.scopes_manquants),
        expires_at=instant(known.expires_at) if known.HasField("expires_at") else None,
        metadata=MessageToDict(known.metadata),
        created_at=instant(known.created_at),
        updated_at=instant(known.updated_at),
    )
