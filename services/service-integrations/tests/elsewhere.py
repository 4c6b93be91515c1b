"""The providers, as the adapters of one running service see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from service_integrations.adapter import Adapter, Tokens
from service_integrations.providers.registry import Registry, registry
from service_integrations.providers.settings import ProviderSettings
from service_kit import load
from service_testing.oauth import OauthProvider, oauth_provider
from service_testing.oidc import browse, s256
from service_testing.seconds import Seconds

VERIFIER = "v" * 64
STATE = "state-1"
CODES = ("instagram", "google", "microsoft")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A double of the providers, the adapters that ask it, and the clock of their limits."""

    provider: OauthProvider
    registry: Registry
    seconds: Seconds

    def __getitem__(self, code: str) -> Adapter:
        return self.registry[code]

    async def code(self, of: str) -> str:
        """A new authorization code from a person who says yes."""
        back = await browse(self[of].authorize_url(STATE, s256(VERIFIER)))
        return back["code"]

    async def connect(self, of: str) -> Tokens:
        """Connect an account; return its tokens."""
        return await self[of].exchange_code(await self.code(of), VERIFIER)


def settings(**told: Any) -> ProviderSettings:
    """Settings of the providers, loaded without an environment."""
    return load(ProviderSettings, database_url="postgresql:///crm", **told)


@asynccontextmanager
async def elsewhere(**told: Any) -> AsyncIterator[Elsewhere]:
    """A new double and new adapters: circuits are closed and rates unused. *told* are settings."""
    async with oauth_provider() as provider:
        seconds = Seconds()
        known = settings(**provider.settings() | told)
        yield Elsewhere(provider, registry(known, seconds), seconds)
