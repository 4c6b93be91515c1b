"""The client that a provider has registered for us, and the address where it has browsers sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import SecretStr

from service_integrations.refusals import OauthInitError


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Our client at the provider *code*; the provider is off when the *id* is empty."""

    code: str
    id: str
    secret: SecretStr
    redirect_uri: str

    @property
    def proof(self) -> dict[str, str]:
        """The fields of a form that prove who asks (RFC 6749 section 2.3.1)."""
        return {"client_id": self.id, "client_secret": self.secret.get_secret_value()}

    def authorize_url(self, url: str, parameters: Mapping[str, str]) -> str:
        """The address *url* with the parameters of every authorization request, and *parameters*.

        Raises OauthInitError when the secret or the callback is not configured.
        """
        if not (self.secret.get_secret_value() and self.redirect_uri):
            raise OauthInitError(self.code)
        common = {"client_id": self.id, "redirect_uri": self.redirect_uri, "response_type": "code"}
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{urlencode({**common, **parameters})}"
