"""Settings that the component adds to those of the service that uses it."""

from typing import Protocol

from db_utils import Database
from grpc_utils import Peers
from grpc_utils.providers import IssuerSettings, ProviderSettings
from grpc_utils.settings import Words
from pydantic import Field


class UserSyncSettings(ProviderSettings):
    """Patience and rhythm of the synchronisation, and how tokens of outside providers are read."""

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
    user_type_claims: Words = Field(
        ("user_type", "https://wanzo.com/user_type"),
        min_length=1,
        description="claims that may hold the type of a user, comma-separated",
    )


class HostSettings(IssuerSettings, Protocol):
    """Settings of a service that uses the component, as far as it reads them."""

    user_sync_enabled: bool
    user_sync_timeout_ms: int
    user_sync_wait_ms: int
    user_sync_interval_s: int
    user_cache_s: int
    user_type_claims: tuple[str, ...]


class Host(Protocol):
    """Application of a service that uses the component, as far as it reaches into it."""

    @property
    def settings(self) -> HostSettings:
        """Settings of the service."""

    @property
    def database(self) -> Database:
        """Database of the service."""

    @property
    def peers(self) -> Peers:
        """Channels to the other services."""
