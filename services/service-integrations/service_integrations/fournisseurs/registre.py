"""The providers by their codes, made from the settings for each running service."""

import time
from collections.abc import Callable, Mapping

from service_integrations.fournisseur import FournisseurOAuth
from service_integrations.fournisseurs import instagram, standard
from service_integrations.fournisseurs.client import ClientOAuth
from service_integrations.fournisseurs.instagram import Instagram
from service_integrations.fournisseurs.ligne import Ligne
from service_integrations.fournisseurs.settings import FournisseurSettings
from service_integrations.fournisseurs.standard import GOOGLE, MICROSOFT, Standard

Registre = Mapping[str, FournisseurOAuth]


def registre(settings: FournisseurSettings, now: Callable[[], float] = time.monotonic) -> Registre:
    """All providers, off or on, each with a rate and a circuit of its own (R19).

    *now* is the clock of these, in seconds that never go back.
    """

    def ligne(code: str, per_minute: int) -> Ligne:
        return Ligne(code, per_minute=per_minute, timeout=settings.oauth_timeout_s, now=now)

    found: tuple[FournisseurOAuth, ...] = (
        _instagram(settings, ligne("instagram", settings.rate_instagram)),
        _google(settings, ligne("google", settings.rate_google)),
        _microsoft(settings, ligne("microsoft", settings.rate_microsoft)),
    )
    return {fournisseur.code: fournisseur for fournisseur in found}


def _google(told: FournisseurSettings, ligne: Ligne) -> Standard:
    client = ClientOAuth(
        "google", told.oauth_google_client_id, told.oauth_google_client_secret, told.oauth_google_redirect_uri
    )
    adresses = standard.Adresses(
        authorize=told.oauth_google_authorize_url,
        token=told.oauth_google_token_url,
        profile=told.oauth_google_profile_url,
        revoke=told.oauth_google_revoke_url,
    )
    return Standard(GOOGLE, client, adresses, ligne)


def _microsoft(told: FournisseurSettings, ligne: Ligne) -> Standard:
    client = ClientOAuth(
        "microsoft",
        told.oauth_microsoft_client_id,
        told.oauth_microsoft_client_secret,
        told.oauth_microsoft_redirect_uri,
    )
    adresses = standard.Adresses(
        authorize=told.oauth_microsoft_authorize_url,
        token=told.oauth_microsoft_token_url,
        profile=told.oauth_microsoft_profile_url,
    )
    return Standard(MICROSOFT, client, adresses, ligne)


def _instagram(told: FournisseurSettings, ligne: Ligne) -> Instagram:
    client = ClientOAuth(
        "instagram",
        told.oauth_instagram_client_id,
        told.oauth_instagram_client_secret,
        told.oauth_instagram_redirect_uri,
    )
    adresses = instagram.Adresses(
        authorize=told.oauth_instagram_authorize_url,
        token=told.oauth_instagram_token_url,
        long_token=told.oauth_instagram_long_token_url,
        refresh=told.oauth_instagram_refresh_url,
        profile=told.oauth_instagram_profile_url,
    )
    return Instagram(client, adresses, ligne)
