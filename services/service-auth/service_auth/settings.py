"""Settings of the auth service: what seals its keys, how long tokens live, and Google."""

from typing import Annotated

from db_utils.envelope import Envelope, InvalidKeys
from grpc_utils.web import is_secure
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode
from service_kit import Settings

GOOGLE = "https://accounts.google.com/.well-known/openid-configuration"
LONGEST_LIFE = 24 * 3600  # seconds; revocations of all tokens of a user are kept that long
_SHORTEST_PEPPER = 32  # bytes, as much as the output of the hash it keys (RFC 2104 section 3)


class AuthSettings(Settings):
    """What the auth service can be told."""

    auth_pepper: SecretStr = Field(
        ..., description="secret of at least 32 bytes that keys the hashes of email addresses"
    )
    encryption_keys: SecretStr = Field(
        ..., description='"id:base64 of 32 bytes", comma-separated: the first seals, all open'
    )
    jwt_ttl_s: int = Field(3600, ge=60, le=LONGEST_LIFE, description="seconds that a token lives")
    session_max_s: int = Field(12 * 3600, ge=60, description="seconds after a sign-in that it may be renewed")
    jwt_key_lead_s: float = Field(
        60.0, ge=0, description="seconds between publishing a signing key and using it"
    )

    google_client_id: str = Field("", description="client id at Google; sign-in there is off when empty")
    google_client_secret: SecretStr = Field(SecretStr(""), description="client secret at Google")
    google_redirect_uris: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="allowed callbacks, comma-separated; the first is the default"
    )
    google_discovery_url: str = Field(
        GOOGLE, description="discovery document of the provider; http only on this machine"
    )
    google_timeout_s: float = Field(5.0, gt=0, le=10, description="seconds that one request to it may take")

    @field_validator("google_redirect_uris", mode="before")
    @classmethod
    def _split_uris(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("auth_pepper")
    @classmethod
    def _long_enough(cls, pepper: SecretStr) -> SecretStr:
        if len(pepper.get_secret_value().encode()) < _SHORTEST_PEPPER:
            raise ValueError("it needs at least 32 bytes: make one with `openssl rand -base64 48`")
        return pepper

    @field_validator("encryption_keys")
    @classmethod
    def _usable_keys(cls, keys: SecretStr) -> SecretStr:
        try:
            Envelope(keys.get_secret_value())
        except InvalidKeys as error:
            raise ValueError(str(error)) from None
        return keys

    @field_validator("google_discovery_url")
    @classmethod
    def _secure(cls, url: str) -> str:
        if not is_secure(url):
            raise ValueError("https is needed (http only for this machine)")
        return url

    @property
    def google_configured(self) -> bool:
        """Whether sign-in at Google is offered."""
        return bool(
            self.google_client_id
            and self.google_client_secret.get_secret_value()
            and self.google_redirect_uris
        )

    def envelope(self) -> Envelope:
        """What seals secrets at rest (C15)."""
        return Envelope(self.encryption_keys.get_secret_value())
