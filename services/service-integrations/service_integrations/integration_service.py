"""IntegrationService: connecting, showing and disconnecting accounts."""

from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import IntegrationServiceServicer
from db_utils import clock
from grpc_utils import Context, timestamp
from service_kit import App

from service_integrations import messages
from service_integrations.audit import Browser
from service_integrations.callers import acting_for, owner, shown_to_caller
from service_integrations.connecting import Callback, Connecting, connected
from service_integrations.disconnecting import Disconnecting
from service_integrations.models import DISCONNECTED
from service_integrations.operations import operated
from service_integrations.parts import Parts
from service_integrations.settings import IntegrationsSettings

STALE = ("x-donnees-perimees", "1")


@operated
class IntegrationService(IntegrationServiceServicer):
    """The accounts of the caller, or of the user whom a service names (R24)."""

    def __init__(self, app: App[IntegrationsSettings]) -> None:
        self._parts = Parts.of(app)
        self._connecting = Connecting(app.database, self._parts, app.settings.integrations_redirect_origins)
        self._disconnecting = Disconnecting(self._parts)

    async def ListProviders(
        self, request: pb.ListProvidersRequest, context: Context
    ) -> pb.ListProvidersResponse:
        """List the providers and what each can do."""
        providers = [
            pb.Fournisseur(code=one.code, nom=one.nom, actif=one.actif, pkce=one.pkce, refresh=True)
            for one in self._parts.providers.values()
        ]
        return pb.ListProvidersResponse(providers=providers)

    async def InitiateOAuth(
        self, request: pb.InitiateOAuthRequest, context: Context
    ) -> pb.InitiateOAuthResponse:
        """Begin a connection that may come back within ten minutes (R5)."""
        user_id = acting_for(request.user_id, request.provider)
        auth_url, begun = await self._connecting.begin(
            user_id, request.provider, request.redirect_url, Browser.of(request)
        )
        return pb.InitiateOAuthResponse(
            auth_url=auth_url, state=begun.state, expire_le=timestamp(begun.expire_le)
        )

    async def HandleCallback(
        self, request: pb.HandleCallbackRequest, context: Context
    ) -> pb.HandleCallbackResponse:
        """Store the account with which a browser comes back (R6)."""
        callback = Callback(request.code, request.state, request.error, Browser.of(request))
        return connected(*await self._connecting.complete(request.provider, callback))

    async def List(
        self, request: pb.ListIntegrationsRequest, context: Context
    ) -> pb.ListIntegrationsResponse:
        """List the accounts of a user; trailing metadata tell when the database could not be asked (R20)."""
        user_id = acting_for(request.user_id, request.provider)
        seen, now = await self._parts.accounts.cache.get(user_id), clock.now()
        if seen.stale:
            context.set_trailing_metadata((*context.trailing_metadata(), STALE))
        wanted = [
            messages.shown(one, now)
            for one in seen.value
            if request.provider in ("", one.provider)
            and (request.inclure_deconnectees or one.status != DISCONNECTED)
        ]
        return pb.ListIntegrationsResponse(integrations=wanted)

    async def Get(self, request: pb.GetIntegrationRequest, context: Context) -> pb.GetIntegrationResponse:
        """Read an account by its id, or by user, provider and id there. Raises AccountNotFound."""
        accounts = self._parts.accounts
        if request.id:
            account = await accounts.get(request.id)
        else:
            user_id = owner(request.user_id, request.provider)
            account = await accounts.find(user_id, request.provider, request.account_id)
        found = shown_to_caller(account, request.provider)
        return pb.GetIntegrationResponse(integration=messages.shown(messages.stored(found), clock.now()))

    async def Disconnect(self, request: pb.DisconnectRequest, context: Context) -> pb.DisconnectResponse:
        """Revoke and erase the tokens of an account (R16). Raises AccountNotFound."""
        user_id = owner(request.user_id, request.provider)
        revoked = await self._disconnecting.disconnect(
            user_id, request.provider, request.account_id, Browser.of(request)
        )
        return pb.DisconnectResponse(success=True, revoque=revoked)
