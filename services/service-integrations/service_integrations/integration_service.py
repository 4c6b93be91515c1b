"""IntegrationService: connecting, showing and disconnecting accounts."""

from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import IntegrationServiceServicer
from db_utils import clock
from grpc_utils import Context, timestamp
from service_kit import App

from service_integrations import messages
from service_integrations.appelant import acting_for, owner, shown_to_caller
from service_integrations.atelier import Atelier
from service_integrations.audit import Origine
from service_integrations.connexions import Connexions, Retour, connected
from service_integrations.deconnexions import Deconnexions
from service_integrations.models import DISCONNECTED
from service_integrations.operations import operated
from service_integrations.settings import IntegrationsSettings

PERIMEES = ("x-donnees-perimees", "1")


@operated
class IntegrationService(IntegrationServiceServicer):
    """The accounts of the caller, or of the user whom a service names (R24)."""

    def __init__(self, app: App[IntegrationsSettings]) -> None:
        self._atelier = Atelier.of(app)
        self._connexions = Connexions(app.database, self._atelier, app.settings.integrations_redirect_origins)
        self._deconnexions = Deconnexions(self._atelier)

    async def ListProviders(
        self, request: pb.ListProvidersRequest, context: Context
    ) -> pb.ListProvidersResponse:
        """List the providers and what each can do."""
        providers = [
            pb.Fournisseur(code=one.code, nom=one.nom, actif=one.actif, pkce=one.pkce, refresh=True)
            for one in self._atelier.fournisseurs.values()
        ]
        return pb.ListProvidersResponse(providers=providers)

    async def InitiateOAuth(
        self, request: pb.InitiateOAuthRequest, context: Context
    ) -> pb.InitiateOAuthResponse:
        """Begin a connection that may come back within ten minutes (R5)."""
        user_id = acting_for(request.user_id, request.provider)
        auth_url, debut = await self._connexions.begin(
            user_id, request.provider, request.redirect_url, Origine.of(request)
        )
        return pb.InitiateOAuthResponse(
            auth_url=auth_url, state=debut.state, expire_le=timestamp(debut.expire_le)
        )

    async def HandleCallback(
        self, request: pb.HandleCallbackRequest, context: Context
    ) -> pb.HandleCallbackResponse:
        """Store the account with which a browser comes back (R6)."""
        retour = Retour(request.code, request.state, request.error, Origine.of(request))
        return connected(*await self._connexions.complete(request.provider, retour))

    async def List(
        self, request: pb.ListIntegrationsRequest, context: Context
    ) -> pb.ListIntegrationsResponse:
        """List the accounts of a user; trailing metadata tell when the database could not be asked (R20)."""
        user_id = acting_for(request.user_id, request.provider)
        vu, now = await self._atelier.comptes.cache.get(user_id), clock.now()
        if vu.stale:
            context.set_trailing_metadata((*context.trailing_metadata(), PERIMEES))
        wanted = [
            messages.shown(one, now)
            for one in vu.value
            if request.provider in ("", one.provider)
            and (request.inclure_deconnectees or one.status != DISCONNECTED)
        ]
        return pb.ListIntegrationsResponse(integrations=wanted)

    async def Get(self, request: pb.GetIntegrationRequest, context: Context) -> pb.GetIntegrationResponse:
        """Read an account by its id, or by user, provider and id there. Raises AccountNotFound."""
        comptes = self._atelier.comptes
        if request.id:
            compte = await comptes.get(request.id)
        else:
            user_id = owner(request.user_id, request.provider)
            compte = await comptes.find(user_id, request.provider, request.account_id)
        found = shown_to_caller(compte, request.provider)
        return pb.GetIntegrationResponse(integration=messages.shown(messages.stored(found), clock.now()))

    async def Disconnect(self, request: pb.DisconnectRequest, context: Context) -> pb.DisconnectResponse:
        """Revoke and erase the tokens of an account (R16). Raises AccountNotFound."""
        user_id = owner(request.user_id, request.provider)
        revoque = await self._deconnexions.disconnect(
            user_id, request.provider, request.account_id, Origine.of(request)
        )
        return pb.DisconnectResponse(success=True, revoque=revoque)
