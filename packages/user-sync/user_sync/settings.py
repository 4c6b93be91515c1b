"""Settings that the component adds to those of the service that uses it."""

from grpc_utils.providers import ProviderSettings
from grpc_utils.settings import Words
from pydantic import Field
from service_kit import Settings


class UserSyncSettings(ProviderSettings, Settings):
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
