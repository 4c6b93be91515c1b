"""What the component can be told, added to the settings of the service that uses it."""

from collections.abc import Mapping
from typing import Annotated, Protocol

from db_utils import Database
from grpc_utils import Peers
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOCAL, AUTH0, KEYCLOAK = "local", "auth0", "keycloak"
PROVIDERS = (LOCAL, "google", "kinde", AUTH0, KEYCLOAK)


class UserSyncSettings(BaseSettings):
    """Patience and rhythm of the synchronisation, and how tokens of outside providers are read."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    user_sync_enabled: bool = Field(
        True, description="meet callers and tell users of them; events are heard all the same"
    )
    user_sync_timeout_ms: int = Field(
        1500, ge=1, le=10_000, description="longest wait for the answer of users to a new user's call"
    )
    user_sync_wait_ms: int = Field(
        100, ge=0, le=5000, description="longest wait for the event that makes a new user's copy"
    )
    user_sync_interval_s: int = Field(
        300, ge=1, description="seconds after which users is told again of somebody who is known"
    )
    user_cache_s: int = Field(60, ge=1, description="seconds during which a known user costs no look-up")
    issuer_providers: str = Field(
        "", description="provider (google, kinde, auth0, keycloak, local) of further issuers, iss=provider,…"
    )
    user_type_claims: Annotated[tuple[str, ...], NoDecode] = Field(
        ("user_type", "https://wanzo.com/user_type"),
        min_length=1,
        description="claims that may hold the type of a user, comma-separated",
    )

    @field_validator("user_type_claims", mode="before")
    @classmethod
    def _split_claims(cls, value: object) -> object:
        return _words(value) if isinstance(value, str) else value

    @field_validator("issuer_providers")
    @classmethod
    def _check_providers(cls, value: str) -> str:
        unknown = set(providers(value).values()) - set(PROVIDERS)
        if unknown:
            raise ValueError(f"unknown provider {', '.join(sorted(unknown))}: iss=provider,…")
        return value


class HostSettings(Protocol):
    """The settings of a service that uses the component, as far as it reads them."""

    user_sync_enabled: bool
    user_sync_timeout_ms: int
    user_sync_wait_ms: int
    user_sync_interval_s: int
    user_cache_s: int
    issuer_providers: str
    user_type_claims: tuple[str, ...]
    jwt_issuer: str
    keycloak_realm_url: str


class Host(Protocol):
    """The application of a service that uses the component, as far as it reaches into it."""

    @property
    def settings(self) -> HostSettings:
        """Its settings."""

    @property
    def database(self) -> Database:
        """Its database."""

    @property
    def peers(self) -> Peers:
        """The other services."""


def provider_of(issuer: str, settings: HostSettings) -> str:
    """The provider whose subjects the tokens of *issuer* name: `local` for our own (S1)."""
    known = {settings.jwt_issuer: LOCAL} | dict(providers(settings.issuer_providers))
    if settings.keycloak_realm_url:
        known.setdefault(settings.keycloak_realm_url.rstrip("/"), KEYCLOAK)
    return known.get(issuer, AUTH0)


def providers(text: str) -> Mapping[str, str]:
    """The providers by issuer that "iss=provider,iss=provider" spells."""
    pairs = (entry.rpartition("=") for entry in _words(text))
    return {issuer.strip(): provider.strip() for issuer, _, provider in pairs}


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))
