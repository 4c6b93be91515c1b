"""TokenService: handing tokens to other services, and refreshing them."""

import logging

from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import TokenServiceServicer
from db_utils import clock
from grpc_utils import Context, timestamp
from grpc_utils.errors import ChampRequis, ValeurInconnue
from service_kit import App

from service_integrations import messages, refusals, rules
from service_integrations.callers import owner
from service_integrations.models import OauthAccount
from service_integrations.operations import operated, operation
from service_integrations.parts import Parts
from service_integrations.refreshes import by_fives
from service_integrations.settings import IntegrationsSettings

_log = logging.getLogger(__name__)


@operated
class TokenService(TokenServiceServicer):
    """Tokens that stay good as long as the provider lets us refresh them."""

    def __init__(self, app: App[IntegrationsSettings]) -> None:
        self._parts = Parts.of(app)

    async def GetAccessToken(
        self, request: pb.GetAccessTokenRequest, context: Context
    ) -> pb.GetAccessTokenResponse:
        """Hand out a token for a usage (R23), refreshed when it has five minutes left or less (R10)."""
        account = await self._found(request)
        needed = self._needed(account.provider, request.usage)
        if rules.needs_refresh(account.expires_at, clock.now()) and account.access_token is not None:
            account = await self._renewed(account)
        if account.access_token is None:
            raise refusals.NoAccessToken(account.provider)
        if needed in account.scopes_manquants:
            raise refusals.PermissionManquante(account.provider, scope=needed, reconnexion="true")
        token = self._parts.accounts.opened(account, "access_token")
        end = None if account.expires_at is None else timestamp(account.expires_at)
        return pb.GetAccessTokenResponse(access_token=token, token_type=account.token_type, expires_at=end)

    async def Refresh(self, request: pb.RefreshRequest, context: Context) -> pb.RefreshResponse:
        """Refresh the tokens of an account now (R13)."""
        return pb.RefreshResponse(integration=await self._refreshed(request))

    async def BatchRefresh(
        self, request: pb.BatchRefreshRequest, context: Context
    ) -> pb.BatchRefreshResponse:
        """Refresh many accounts, five at a time (R14). Raises ChampRequis."""
        if not request.requests:
            raise ChampRequis(champ="requests")
        ended = await by_fives(request.requests, self._outcome)
        return pb.BatchRefreshResponse(
            integrations=[one for one in ended if isinstance(one, pb.Integration)],
            echecs=[one for one in ended if isinstance(one, pb.EchecRefresh)],
        )

    def _needed(self, provider: str, usage: str) -> str:
        """The permission that *usage*, "" for the usual one, needs; "" for none. Raises ValeurInconnue."""
        usages = self._parts.providers[provider].usages
        if usage and usage not in usages:
            raise ValeurInconnue(champ="usage")
        return usages[usage or next(iter(usages))]

    async def _found(self, request: pb.GetAccessTokenRequest | pb.RefreshRequest) -> OauthAccount:
        user_id = owner(request.user_id, request.provider)
        account = await self._parts.accounts.find(user_id, request.provider, request.account_id)
        if account is None:
            raise refusals.AccountNotFound(request.provider)
        return account

    async def _renewed(self, account: OauthAccount) -> OauthAccount:
        """Refresh *account*; return it as it is while the provider is away and its token good (R10).

        Raises TokenExpired, and GetTokenError when the refresh token is unreadable.
        """
        try:
            return await self._parts.refreshes.refreshed(account)
        except refusals.NoRefreshToken:
            raise refusals.TokenExpired(account.provider) from None
        except refusals.TokenRefreshError as error:
            if "reconnexion" in error.metadata or rules.expired(account.expires_at, clock.now()):
                raise refusals.TokenExpired(account.provider) from None
            _log.warning("a token of %s that ends soon is handed out: %s", account.provider, error.metadata)
            return account

    async def _refreshed(self, request: pb.RefreshRequest) -> pb.Integration:
        account = await self._parts.refreshes.refreshed(await self._found(request))
        return messages.shown(messages.stored(account), clock.now())

    async def _outcome(self, request: pb.RefreshRequest) -> pb.Integration | pb.EchecRefresh:
        """The refreshed account, or its failure as BatchRefresh tells it."""
        try:
            with operation("BatchRefresh/one", request.provider):
                return await self._refreshed(request)
        except refusals.IntegrationRefusal as error:
            return pb.EchecRefresh(
                user_id=request.user_id,
                provider=request.provider,
                account_id=request.account_id,
                code=error.reason,
                retryable=error.retryable,
            )
