"""Settings of the gateway: its address, and the origins and proxies that it believes."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import urlsplit

from grpc_utils.settings import Origins, Words
from grpc_utils.web import is_loopback, is_origin
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from service_kit import PRODUCTION, ProcessSettings

PORT: Final = 5000
LONGEST_REQUEST: Final = 15.0  # seconds (G2)

Network = IPv4Network | IPv6Network


class GatewaySettings(ProcessSettings):
    """Settings of the gateway, read from the environment."""

    gateway_host: str = Field("0.0.0.0", description="address to listen on")
    gateway_port: int = Field(PORT, ge=0, le=65535, description="HTTP port")
    public_base_url: str = Field(
        "",
        validate_default=True,
        description="address by which browsers reach the gateway; default: http://localhost and its port",
    )
    frontend_origins: Origins = Field(
        ("http://localhost:3000",),
        min_length=1,
        description="origins that may call it from a browser, comma-separated; sign-in answers the first",
    )
    trusted_proxies: Words = Field(
        (), description="networks whose X-Forwarded-For is believed, comma-separated"
    )
    integrations_redirect_origins: Origins = Field(
        (),
        description="as the integrations service has it: origins where browsers may end, comma-separated; "
        "failed connections end at the first; default: FRONTEND_ORIGINS",
    )
    cookie_secure: bool | None = Field(
        None, description="Secure flag of cookies; default: unless the base URL is http on this machine"
    )
    kinde_issuer_url: str = Field(
        "",
        description="issuer of webhooks that are tokens, as the users service has it; "
        "without it and without a secret, their health is 503",
    )
    kinde_webhook_secret: SecretStr = Field(
        SecretStr(""), description="secret of signed webhooks, as the users service has it"
    )
    kinde_webhook_secrets: SecretStr = Field(
        SecretStr(""), description="further secrets, while one is replaced, as the users service has them"
    )
    request_timeout_s: float = Field(
        LONGEST_REQUEST, gt=0, le=LONGEST_REQUEST, description="seconds that one request may take"
    )

    @field_validator("public_base_url")
    @classmethod
    def _base(cls, value: str, info: ValidationInfo) -> str:
        base = value.rstrip("/")
        if info.data.get("crm_env") == PRODUCTION and not base.startswith("https://"):
            raise ValueError("production needs an https address: cookies and tokens travel to it")
        if base and not is_origin(base):
            raise ValueError("write scheme://host or scheme://host:port, without a path")
        return base

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @property
    def base_url(self) -> str:
        """The public address of the gateway, without a slash at its end."""
        return self.public_base_url or f"http://localhost:{self.gateway_port}"

    @property
    def redirect_origins(self) -> tuple[str, ...]:
        """Origins at which browsers may end after a connection; the first is the default."""
        return self.integrations_redirect_origins or self.frontend_origins

    @property
    def behind_tls(self) -> bool:
        """Tell whether browsers reach the gateway over https."""
        return self.base_url.startswith("https:")

    @property
    def secure_cookies(self) -> bool:
        """Tell whether cookies travel over https only."""
        if self.cookie_secure is not None:
            return self.cookie_secure
        return self.behind_tls or not is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def webhooks_configured(self) -> bool:
        """Tell whether the users service can verify a webhook."""
        secrets = (self.kinde_webhook_secret, self.kinde_webhook_secrets)
        return bool(self.kinde_issuer_url or any(secret.get_secret_value() for secret in secrets))

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of the trusted proxies."""
        return tuple(ip_network(network) for network in self.trusted_proxies)
