"""Users who connect accounts, for the tests of this folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import psycopg
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import (
    AuditServiceStub,
    IntegrationServiceStub,
    TokenServiceStub,
)
from db_utils import Database
from service_integrations.cache import CHANNEL
from service_integrations.housekeeping import LISTEN
from service_integrations.models import OauthAccount
from service_integrations.service import SERVICE
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import Mesh, eventually, metric
from service_testing.oauth import Account, OauthProvider
from service_testing.oidc import browse
from sqlalchemy import select

STILL = replace(SERVICE, workers=(LISTEN,))
ORIGINS = "https://app.exemple.fr,http://localhost:3000"
IP, AGENT = "192.0.2.7", "Firefox/150"
_numbers = count(1)


def new_user() -> str:
    """A user id that was never given before."""
    return f"user-{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class Personne:
    """A person with a browser, who calls with a token of his own."""

    user_id: str
    mesh: Mesh
    provider: OauthProvider

    @property
    def own(self) -> IntegrationServiceStub:
        """A stub of the service for this user."""
        return self.mesh.stub(IntegrationServiceStub, user=self.user_id)

    @property
    def own_tokens(self) -> TokenServiceStub:
        """A stub of the tokens for this user."""
        return self.mesh.stub(TokenServiceStub, user=self.user_id)

    async def begin(self, provider: str = "google", redirect_url: str = "") -> pb.InitiateOAuthResponse:
        """Begin a connection, as a click on connect does."""
        request = pb.InitiateOAuthRequest(
            provider=provider, redirect_url=redirect_url, ip=IP, user_agent=AGENT
        )
        return await self.own.InitiateOAuth(request)

    async def back(self, provider: str = "google", account: str = "") -> pb.HandleCallbackRequest:
        """Say yes to *provider* with an account there; return what the gateway gets."""
        begun = await self.begin(provider)
        self.provider.account = Account(
            account or f"compte-{next(_numbers)}", "Jeanne Martin", "j@exemple.fr"
        )
        told = await browse(begun.auth_url)
        return pb.HandleCallbackRequest(
            provider=provider, code=told["code"], state=told["state"], ip=IP, user_agent=AGENT
        )

    async def connect(self, provider: str = "google", account: str = "") -> pb.HandleCallbackResponse:
        """Connect an account."""
        stub = self.mesh.service_stub(IntegrationServiceStub, caller="integrations")
        return await stub.HandleCallback(await self.back(provider, account))

    async def token(self, connected: pb.HandleCallbackResponse, usage: str = "") -> pb.GetAccessTokenResponse:
        """The access token of an account, as another service gets it."""
        stub = self.mesh.service_stub(TokenServiceStub, caller="integrations")
        return await stub.GetAccessToken(
            pb.GetAccessTokenRequest(
                user_id=self.user_id,
                provider=connected.integration.provider,
                account_id=connected.account_id,
                usage=usage,
            )
        )

    async def lines(self, evenement: str = "") -> list[pb.EntreeAudit]:
        """The audit of this user, the oldest first."""
        stub = self.mesh.stub(AuditServiceStub, user=self.user_id)
        found = (await stub.List(pb.ListAuditRequest(evenement=evenement))).entrees
        return [*reversed(found)]

    async def events(self) -> list[str]:
        """The events of this user's audit, in order."""
        return [line.evenement for line in await self.lines()]

    async def row(self, connected: pb.HandleCallbackResponse) -> OauthAccount:
        """The row of a connected account."""
        return await row_of(self.mesh.database("integrations"), connected.integration.id)


def looks(result: str) -> float:
    """The number of lists that were found in memory, or not."""
    return metric("int_cache_total", result=result)


async def listed(personne: Personne) -> list[str]:
    """The statuses of the accounts that a user is shown."""
    return [one.status for one in (await personne.own.List(pb.ListIntegrationsRequest())).integrations]


async def remembered(personne: Personne) -> bool:
    """Tell whether the list of a user is in memory; when it was not, it is loaded."""
    hits = looks("hit")
    await listed(personne)
    return looks("hit") > hits


async def all_heard(app: App[IntegrationsSettings], marker: Personne) -> None:
    """Wait until *app* has heard all notices so far; *marker* is a user without a remembered list."""
    await listed(marker)
    url = app.settings.database_url.get_secret_value()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
        await other.execute("SELECT pg_notify(%s, %s)", (CHANNEL, marker.user_id))
    await eventually(lambda: _forgotten(marker))


async def _forgotten(personne: Personne) -> bool:
    return not await remembered(personne)


async def row_of(database: Database, oauth_account_id: str) -> OauthAccount:
    """The row of an account."""
    row = await database.read().get(OauthAccount, oauth_account_id)
    assert row is not None
    return row


async def change(database: Database, oauth_account_id: str, **columns: Any) -> OauthAccount:
    """Set *columns* in the row of an account."""
    async with database.transaction() as tx:
        row = await tx.get(OauthAccount, oauth_account_id)
        assert row is not None
        return await tx.update(row, **columns)


async def all_rows(database: Database) -> list[OauthAccount]:
    """Every account, the oldest first."""
    return await database.read().all(select(OauthAccount).order_by(OauthAccount.id))


def left(row: OauthAccount, minutes: int = 0, seconds: int = 0) -> datetime:
    """The instant at which the token of *row* has so much time left."""
    assert row.expires_at is not None
    return row.expires_at - timedelta(minutes=minutes, seconds=seconds)


MakePersonne = Callable[[], Personne]
