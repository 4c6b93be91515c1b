"""Instagram, by Meta's Business Login: no PKCE, no refresh token, no way to end a token.

A code brings a token of an hour, that one a token of 60 days, which prolongs itself from the
age of 24 hours on (https://developers.facebook.com/docs/instagram-platform).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from service_kit.outside import Question

from service_integrations.adapter import PROFIL, Profile, Tokens
from service_integrations.providers import answers
from service_integrations.providers.answers import Content
from service_integrations.providers.client import OAuthClient
from service_integrations.providers.transport import Transport

_SCOPE = "instagram_business_basic"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of Instagram: one for browsers, one for each kind of question."""

    authorize: str
    token: str
    long_token: str
    refresh: str
    profile: str


class Instagram:
    """Instagram, whose long token stands for both access and refresh token."""

    code, nom, pkce = "instagram", "Instagram", False

    def __init__(self, client: OAuthClient, addresses: Addresses, transport: Transport) -> None:
        self._client, self._addresses, self._transport = client, addresses, transport
        self.actif = bool(client.id)
        self.usages: Mapping[str, str] = {PROFIL: _SCOPE}

    def authorize_url(self, state: str, code_challenge: str) -> str:
        """The address for professional accounts; the challenge is left out."""
        return self._client.authorize_url(self._addresses.authorize, {"scope": _SCOPE, "state": state})

    async def exchange_code(self, code: str, code_verifier: str) -> Tokens:
        """Exchange *code* for a short token, and that one for a long token."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            **self._client.proof,
        }
        question = Question("exchange_code", "POST", self._addresses.token, form=form, repeatable=False)
        short = await self._transport.ask(question, _short)
        secret = {"client_secret": self._client.proof["client_secret"]}
        asked = {"grant_type": "ig_exchange_token", "access_token": short.access_token, **secret}
        question = Question("long_token", "GET", self._addresses.long_token, query=asked)
        long = replace(await self._transport.ask(question, _long), scope=short.scope)
        return answers.judged(long, (_SCOPE,), _SCOPE)

    async def get_profile(self, access_token: str) -> Profile:
        """The professional account and its user name."""
        asked = {"fields": "user_id,username", "access_token": access_token}
        question = Question("get_profile", "GET", self._addresses.profile, query=asked)
        return await self._transport.ask(question, _profile)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a long token, which must be 24 hours old, for another one."""
        asked = {"grant_type": "ig_refresh_token", "access_token": refresh_token}
        return await self._transport.ask(
            Question("refresh", "GET", self._addresses.refresh, query=asked), _long
        )

    async def revoke(self, token: str) -> bool:
        """Answer False: Instagram has no revocation; people revoke in their settings there."""
        return False


def _short(content: Content) -> Tokens:
    """The short token of an answer, with what it allows. Raises Unreadable."""
    told = _unwrapped(content)
    permissions = told.get("permissions")
    names = permissions.split(",") if isinstance(permissions, str) else permissions
    return Tokens(answers.token(told, "access_token"), scope=answers.scope(names))


def _long(content: Content) -> Tokens:
    """The long token of an answer, as both tokens. Raises Unreadable."""
    tokens = answers.tokens(content)
    return replace(tokens, refresh_token=tokens.access_token)


def _profile(content: Content) -> Profile:
    """The profile of an answer. Raises Unreadable."""
    told = _unwrapped(content)
    nom = answers.first_shown(told, ("username",))
    return Profile(answers.identifier(told, "user_id"), nom, {"username": nom} if nom else {})


def _unwrapped(content: Content) -> Content:
    """The content of an answer, alone in a list named data (as documented) or outside (as it comes)."""
    data: Any = content.get("data")
    return data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else content
