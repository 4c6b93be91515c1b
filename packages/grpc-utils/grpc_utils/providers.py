"""Identity providers, and the provider from which the tokens of an issuer come.

A person is known by provider and subject, so services and user_sync both ask here for the provider.
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
    """Settings that decide the provider of an issuer."""

    issuer_providers: str
    jwt_issuer: str
    keycloak_realm_url: str


class ProviderSettings(BaseSettings):
    """Settings about the tokens of outside providers."""

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
    """Refuse *names* that are not all in `PROVIDERS`. Raises ValueError."""
    if unknown := sorted(set(names) - set(PROVIDERS)):
        raise ValueError(f"unknown provider {', '.join(unknown)}; there are: {', '.join(PROVIDERS)}")


def provider_of(issuer: str, settings: IssuerSettings) -> str:
    """The provider of the tokens of *issuer* (S1): `local` for our own, `auth0` when no setting names it."""
    known = {settings.jwt_issuer: LOCAL} | _by_issuer(settings.issuer_providers)
    if settings.keycloak_realm_url:
        known.setdefault(settings.keycloak_realm_url.rstrip("/"), KEYCLOAK)
    return known.get(issuer, AUTH0)


def _by_issuer(text: str) -> dict[str, str]:
    pairs = (entry.rpartition("=") for entry in words(text))
    return {issuer.strip(): provider.strip() for issuer, _, provider in pairs}
