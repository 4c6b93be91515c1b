"""Settings of the providers: their addresses, our clients there, and how often they are asked.

The names begin with OAUTH so that they are not those of auth's sign-in at Google.
"""

from grpc_utils.settings import SecureUrl
from pydantic import Field, SecretStr
from service_kit import Settings

_CLIENT = "client id there; the provider is off when empty"
_PROOF = "client secret there"
_CALLBACK = "callback registered there: <gateway>/api/integrations/<provider>/callback"
_RATE = "questions a minute that it may be asked; a sixth of them at once"
_NONE = SecretStr("")


class ProviderSettings(Settings):
    """Settings of the three providers (R26)."""

    oauth_timeout_s: float = Field(10.0, gt=0, le=10, description="seconds that one attempt may take (R9)")

    oauth_google_client_id: str = Field("", description=_CLIENT)
    oauth_google_client_secret: SecretStr = Field(_NONE, description=_PROOF)
    oauth_google_redirect_uri: SecureUrl = Field("", description=_CALLBACK)
    oauth_google_authorize_url: SecureUrl = Field(
        "https://accounts.google.com/o/oauth2/v2/auth", description="where browsers go"
    )
    oauth_google_token_url: SecureUrl = Field(
        "https://oauth2.googleapis.com/token", description="gives tokens"
    )
    oauth_google_profile_url: SecureUrl = Field(
        "https://openidconnect.googleapis.com/v1/userinfo", description="tells whose a token is"
    )
    oauth_google_revoke_url: SecureUrl = Field(
        "https://oauth2.googleapis.com/revoke", description="ends tokens"
    )
    rate_google: int = Field(60, ge=6, description=_RATE)

    oauth_microsoft_client_id: str = Field("", description=_CLIENT)
    oauth_microsoft_client_secret: SecretStr = Field(_NONE, description=_PROOF)
    oauth_microsoft_redirect_uri: SecureUrl = Field("", description=_CALLBACK)
    oauth_microsoft_authorize_url: SecureUrl = Field(
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        description="where browsers go; a tenant in the place of common lets only its accounts in",
    )
    oauth_microsoft_token_url: SecureUrl = Field(
        "https://login.microsoftonline.com/common/oauth2/v2.0/token", description="gives tokens"
    )
    oauth_microsoft_profile_url: SecureUrl = Field(
        "https://graph.microsoft.com/v1.0/me", description="tells whose a token is"
    )
    rate_microsoft: int = Field(60, ge=6, description=_RATE)

    oauth_instagram_client_id: str = Field("", description=_CLIENT)
    oauth_instagram_client_secret: SecretStr = Field(_NONE, description=_PROOF)
    oauth_instagram_redirect_uri: SecureUrl = Field("", description=_CALLBACK)
    oauth_instagram_authorize_url: SecureUrl = Field(
        "https://www.instagram.com/oauth/authorize", description="where browsers go"
    )
    oauth_instagram_token_url: SecureUrl = Field(
        "https://api.instagram.com/oauth/access_token", description="gives a token of an hour"
    )
    oauth_instagram_long_token_url: SecureUrl = Field(
        "https://graph.instagram.com/access_token", description="makes one of 60 days of it"
    )
    oauth_instagram_refresh_url: SecureUrl = Field(
        "https://graph.instagram.com/refresh_access_token", description="prolongs one of 60 days"
    )
    oauth_instagram_profile_url: SecureUrl = Field(
        "https://graph.instagram.com/me", description="tells whose a token is"
    )
    rate_instagram: int = Field(60, ge=6, description=_RATE)
