"""Settings of the users service: passwords, whom to believe, and the provider's webhooks."""

from collections.abc import Iterable
from typing import Annotated

from grpc_utils import Jwks
from grpc_utils.jwks import JwksError
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode
from service_kit import Settings

from service_users.models import AUTH0, FOURNISSEURS, KEYCLOAK, LOCAL


class UsersSettings(Settings):
    """What the users service can be told."""

    default_apps: Annotated[tuple[str, ...], NoDecode] = Field(
        ("crm", "commercial", "accounting"), description="applications of a new user, comma-separated"
    )
    bcrypt_cost: int = Field(12, ge=4, le=16, description="cost of password hashes, 2 to that power")
    trusted_email_providers: Annotated[tuple[str, ...], NoDecode] = Field(
        ("google", "kinde", "auth0", "keycloak"),
        description="providers whose addresses count as verified when they say nothing, comma-separated",
    )
    issuer_providers: str = Field(
        "", description="provider (google, kinde, auth0, keycloak, local) of further issuers, iss=provider,…"
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

    @field_validator("default_apps", "trusted_email_providers", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        return _words(value) if isinstance(value, str) else value

    @field_validator("issuer_providers")
    @classmethod
    def _check_issuers(cls, value: str) -> str:
        _check_known(_providers(value).values())
        return value

    @field_validator("trusted_email_providers")
    @classmethod
    def _check_trusted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _check_known(value)
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
        """The secrets with which an HMAC webhook may be signed."""
        texts = (self.kinde_webhook_secret, self.kinde_webhook_secrets)
        return tuple(word.encode() for text in texts for word in _words(text.get_secret_value()))

    @property
    def webhook_timestamp_required(self) -> bool:
        """Whether an HMAC webhook must carry a signed time."""
        required = self.kinde_webhook_require_timestamp
        return self.crm_env != "development" if required is None else required

    def provider_of(self, issuer: str) -> str:
        """The provider whose subjects the tokens of *issuer* name."""
        known = {self.jwt_issuer: LOCAL} | _providers(self.issuer_providers)
        if self.keycloak_realm_url:
            known.setdefault(self.keycloak_realm_url.rstrip("/"), KEYCLOAK)
        return known.get(issuer, AUTH0)


def _check_known(providers: Iterable[str]) -> None:
    unknown = set(providers) - set(FOURNISSEURS)
    if unknown:
        raise ValueError(
            f"unknown provider {', '.join(sorted(unknown))}; there are: {', '.join(FOURNISSEURS)}"
        )


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def _providers(text: str) -> dict[str, str]:
    pairs = (entry.rpartition("=") for entry in _words(text))
    return {issuer.strip(): provider.strip() for issuer, _, provider in pairs}
