"""The identity providers, and which of them the tokens of an issuer come from.

A person is a subject of a provider: services and user_sync read tokens alike through this.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from grpc_utils.settings import words

__all__ = [
    "AUTH0",
    "KINDE",
    "LOCAL",
    "PROVIDERS",
    "IssuerSettings",
    "ProviderSettings",
    "check_providers",
    "provider_of",
]

LOCAL: Final = "local"
GOOGLE: Final = "google"
KINDE: Final = "kinde"
AUTH0: Final = "auth0"
KEYCLOAK: Final = "keycloak"
PROVIDERS: Final = (LOCAL, GOOGLE, KINDE, AUTH0, KEYCLOAK)


class IssuerSettings(Protocol):
    """What tells the provider of an issuer."""

    issuer_providers: str
    jwt_issuer: str
    keycloak_realm_url: str


class ProviderSettings(BaseSettings):
    """How the tokens of outside providers are read."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    issuer_providers: str = Field(
        "", description="provider (google, kinde, auth0, keycloak, local) of further issuers, iss=provider,…"
    )

    @field_validator("issuer_providers")
    @classmethod
    def _check_providers(cls, value: str) -> str:
        check_providers(_by_issuer(value).values())
        return value


def check_providers(names: Iterable[str]) -> None:
    """Raises ValueError when one of *names* is no provider."""
    if unknown := sorted(set(names) - set(PROVIDERS)):
        raise ValueError(f"unknown provider {', '.join(unknown)}; there are: {', '.join(PROVIDERS)}")


def provider_of(issuer: str, settings: IssuerSettings) -> str:
    """The provider whose subjects the tokens of *issuer* name: `local` for our own (S1 of user-sync)."""
    known = {settings.jwt_issuer: LOCAL} | _by_issuer(settings.issuer_providers)
    if settings.keycloak_realm_url:
        known.setdefault(settings.keycloak_realm_url.rstrip("/"), KEYCLOAK)
    return known.get(issuer, AUTH0)


def _by_issuer(text: str) -> dict[str, str]:
    pairs = (entry.rpartition("=") for entry in words(text))
    return {issuer.strip(): provider.strip() for issuer, _, provider in pairs}
