"""The providers by their codes, made from the settings for each running service."""

import time
from collections.abc import Callable, Mapping

from service_integrations.adapter import Adapter
from service_integrations.providers import instagram, standard
from service_integrations.providers.client import OAuthClient
from service_integrations.providers.instagram import Instagram
from service_integrations.providers.settings import ProviderSettings
from service_integrations.providers.standard import GOOGLE, MICROSOFT, Standard
from service_integrations.providers.transport import Transport

Registry = Mapping[str, Adapter]


def registry(settings: ProviderSettings, now: Callable[[], float] = time.monotonic) -> Registry:
    """All providers, off or on, each with a rate and a circuit of its own (R19).

    *now* is the clock of these, in seconds that never go back.
    """

    def transport(code: str, per_minute: int) -> Transport:
        return Transport(code, per_minute=per_minute, timeout=settings.oauth_timeout_s, now=now)

    found: tuple[Adapter, ...] = (
        _instagram(settings, transport("instagram", settings.rate_instagram)),
        _google(settings, transport("google", settings.rate_google)),
        _microsoft(settings, transport("microsoft", settings.rate_microsoft)),
    )
    return {adapter.code: adapter for adapter in found}


def _google(told: ProviderSettings, transport: Transport) -> Standard:
    client = OAuthClient(
        "google", told.oauth_google_client_id, told.oauth_google_client_secret, told.oauth_google_redirect_uri
    )
    addresses = standard.Addresses(
        authorize=told.oauth_google_authorize_url,
        token=told.oauth_google_token_url,
        profile=told.oauth_google_profile_url,
        revoke=told.oauth_google_revoke_url,
    )
    return Standard(GOOGLE, client, addresses, transport)


def _microsoft(told: ProviderSettings, transport: Transport) -> Standard:
    client = OAuthClient(
        "microsoft",
        told.oauth_microsoft_client_id,
        told.oauth_microsoft_client_secret,
        told.oauth_microsoft_redirect_uri,
    )
    addresses = standard.Addresses(
        authorize=told.oauth_microsoft_authorize_url,
        token=told.oauth_microsoft_token_url,
        profile=told.oauth_microsoft_profile_url,
    )
    return Standard(MICROSOFT, client, addresses, transport)


def _instagram(told: ProviderSettings, transport: Transport) -> Instagram:
    client = OAuthClient(
        "instagram",
        told.oauth_instagram_client_id,
        told.oauth_instagram_client_secret,
        told.oauth_instagram_redirect_uri,
    )
    addresses = instagram.Addresses(
        authorize=told.oauth_instagram_authorize_url,
        token=told.oauth_instagram_token_url,
        long_token=told.oauth_instagram_long_token_url,
        refresh=told.oauth_instagram_refresh_url,
        profile=told.oauth_instagram_profile_url,
    )
    return Instagram(client, addresses, transport)
