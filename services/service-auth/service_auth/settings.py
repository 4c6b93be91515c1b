"""Settings of the auth service: its secrets, the lives of tokens and sessions, and Google."""

from grpc_utils.settings import SecureUrl, Words
from pydantic import Field, SecretStr
from service_kit import LongSecret, SealingSettings

GOOGLE = "https://accounts.google.com/.well-known/openid-configuration"
LONGEST_LIFE = 24 * 3600  # seconds; revocations of all tokens of a user are kept that long


class AuthSettings(SealingSettings):
    """Settings of the auth service, read from the environment."""

    auth_pepper: LongSecret = Field(
        ..., description="secret of at least 32 bytes that keys the hashes of email addresses"
    )
    jwt_ttl_s: int = Field(3600, ge=60, le=LONGEST_LIFE, description="seconds that a token lives")
    session_max_s: int = Field(12 * 3600, ge=60, description="seconds after a sign-in that it may be renewed")
    jwt_key_lead_s: float = Field(
        60.0, ge=0, description="seconds between publishing a signing key and using it"
    )

    google_client_id: str = Field("", description="client id at Google; sign-in there is off when empty")
    google_client_secret: SecretStr = Field(SecretStr(""), description="client secret at Google")
    google_redirect_uris: Words = Field(
        (), description="allowed callbacks, comma-separated; the first is the default"
    )
    google_discovery_url: SecureUrl = Field(
        GOOGLE, description="discovery document of the provider; http only on this machine"
    )
    google_timeout_s: float = Field(5.0, gt=0, le=10, description="seconds that one request to it may take")

    @property
    def google_configured(self) -> bool:
        """Tell whether sign-in at Google is offered: client id, secret and a callback are set."""
        return bool(
            self.google_client_id
            and self.google_client_secret.get_secret_value()
            and self.google_redirect_uris
        )
