"""Settings of the users service: passwords, trusted sources, and the provider's webhooks."""

from grpc_utils import Jwks, JwksError
from grpc_utils.providers import ProviderSettings, check_providers
from grpc_utils.settings import Words, words
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from service_kit import SealingSettings


class UsersSettings(SealingSettings, ProviderSettings):
    """Settings of the users service, read from its environment."""

    default_apps: Words = Field(
        ("crm", "commercial", "accounting"), description="applications of a new user, comma-separated"
    )
    bcrypt_cost: int = Field(12, ge=4, le=16, description="cost of password hashes, 2 to that power")
    trusted_email_providers: Words = Field(
        ("google", "kinde", "auth0", "keycloak"),
        description="providers whose addresses count as verified when they say nothing, comma-separated",
    )
    kinde_webhook_secret: SecretStr = Field(
        SecretStr(""), description="secret of webhooks signed with HMAC-SHA256"
    )
    kinde_webhook_secrets: SecretStr = Field(
        SecretStr(""), description="more of them, comma-separated, while secrets are rotated"
    )
    kinde_webhook_require_timestamp: bool | None = Field(
        None, description="refuse HMAC webhooks without x-kinde-timestamp; default: unless in development"
    )
    kinde_issuer_url: str = Field(
        "", description="issuer whose keys sign webhooks that are tokens; none are taken when empty"
    )

    @field_validator("trusted_email_providers")
    @classmethod
    def _check_trusted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_providers(value)
        return value

    @field_validator("kinde_issuer_url")
    @classmethod
    def _check_issuer(cls, value: str, info: ValidationInfo) -> str:
        if value:
            try:
                Jwks(value, allow_http=bool(info.data.get("jwks_allow_http")))
            except JwksError as error:
                raise ValueError(str(error)) from None
        return value.rstrip("/")

    @property
    def webhook_secrets(self) -> tuple[bytes, ...]:
        """Secrets of HMAC webhooks; a signature under any of them is right."""
        texts = (self.kinde_webhook_secret, self.kinde_webhook_secrets)
        return tuple(word.encode() for text in texts for word in words(text.get_secret_value()))

    @property
    def webhook_timestamp_required(self) -> bool:
        """Need of a signed time in HMAC webhooks: as told, by default unless in development."""
        required = self.kinde_webhook_require_timestamp
        return self.crm_env != "development" if required is None else required
