"""The identity provider, behind a port: Google, or the one that the discovery document names.

Users and tokens of ours do not appear here. `id_tokens.py` judges what an ID token says.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import jwt
from db_utils import clock
from grpc_utils import Jwks, JwksError
from grpc_utils.web import is_secure
from jwt.exceptions import PyJWTError
from service_kit.outside import NoReply, Question, Reply, reply_to

from service_auth.id_tokens import GOOGLE_ISSUERS, Expected, Personne, checked
from service_auth.refusals import GoogleIndisponible, IdTokenInvalide
from service_auth.settings import AuthSettings

_log = logging.getLogger(__name__)

_DISCOVERY_AGE = _KEYS_AGE = 3600.0  # seconds (R14, R18)
_KEYS_PAUSE = 60.0  # seconds between two fetches for unknown key ids (R18)
_DISCOVERED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
_OK, _BAD_REQUEST = 200, 400


@dataclass(frozen=True, slots=True)
class Demande:
    """The secrets of one sign-in that travel to the provider."""

    state: str
    nonce: str
    code_challenge: str
    redirect_uri: str


class Provider(Protocol):
    """Port to the provider at which people prove who they are."""

    async def authorize_url(self, demande: Demande) -> str:
        """Address for the browser. Raises GoogleIndisponible."""

    async def exchange(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        """The ID token for *code*. Raises IdTokenInvalide, GoogleIndisponible."""

    async def verify(self, id_token: str, nonce_hash: bytes) -> Personne:
        """The person of *id_token*. Raises IdTokenInvalide, EmailNonVerifie, GoogleIndisponible."""


@dataclass(frozen=True, slots=True)
class _Endpoints:
    issuer: str
    authorization: str
    token: str
    keys: Jwks
    read_at: float


class Google:
    """The provider that *settings* name, by its discovery document (OpenID Connect Discovery 1.0)."""

    def __init__(self, settings: AuthSettings) -> None:
        self._url, self._timeout = settings.google_discovery_url, settings.google_timeout_s
        self._client_id = settings.google_client_id
        self._client_secret = settings.google_client_secret.get_secret_value()
        self._known: _Endpoints | None = None
        self._discovering = asyncio.Lock()

    async def authorize_url(self, demande: Demande) -> str:
        """Address of the authorization endpoint, with the parameters of R14."""
        endpoints = await self._endpoints()
        query = {
            "client_id": self._client_id,
            "redirect_uri": demande.redirect_uri,
            "response_type": "code",
            "scope": "openid email profile",
            "state": demande.state,
            "nonce": demande.nonce,
            "code_challenge": demande.code_challenge,
            "code_challenge_method": "S256",
            "prompt": "select_account",
            "access_type": "online",
        }
        joint = "&" if "?" in endpoints.authorization else "?"
        return f"{endpoints.authorization}{joint}{urlencode(query)}"

    async def exchange(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        """The ID token for *code*; the access token of the answer is never read (R17)."""
        endpoints = await self._endpoints()
        form = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "code": code,
            "code_verifier": code_verifier,
            "redirect_uri": redirect_uri,
            "grant_type": "authorization_code",
        }
        # A code serves once: a request that may have arrived is not sent again.
        question = Question("google token", "POST", endpoints.token, form=form, repeatable=False)
        answer = await self._reply(question)
        if answer.status == _BAD_REQUEST and answer.content.get("error") == "invalid_grant":
            raise IdTokenInvalide
        id_token = answer.content.get("id_token")
        if answer.status != _OK or not isinstance(id_token, str):
            _log.warning("the token endpoint has answered %d without an id_token", answer.status)
            raise GoogleIndisponible
        return id_token

    async def verify(self, id_token: str, nonce_hash: bytes) -> Personne:
        """The person of an ID token signed by the provider for this client and this sign-in."""
        endpoints = await self._endpoints()
        claims = await _signed(id_token, endpoints.keys)
        expected = Expected(GOOGLE_ISSUERS | {endpoints.issuer}, self._client_id, nonce_hash)
        return checked(claims, expected, clock.now())

    async def _endpoints(self) -> _Endpoints:
        """Endpoints of the discovery document, read at most once an hour.

        The last ones stay while it cannot be read. Raises GoogleIndisponible if it never was.
        """
        async with self._discovering:
            known = self._known
            if known is None or abs(clock.timestamp() - known.read_at) >= _DISCOVERY_AGE:
                try:
                    self._known = await self._discovered(known)
                except GoogleIndisponible:
                    if known is None:
                        raise
            assert self._known is not None
            return self._known

    async def _discovered(self, former: _Endpoints | None) -> _Endpoints:
        answer = await self._reply(Question("google discovery", "GET", self._url))
        found = [answer.content.get(name) for name in _DISCOVERED]
        if answer.status != _OK or not all(isinstance(url, str) and is_secure(url) for url in found):
            _log.error("the discovery document at %s is not usable (status %d)", self._url, answer.status)
            raise GoogleIndisponible
        issuer, authorization, token, keys = map(str, found)
        if former is None or former.keys.url != keys:
            jwks = Jwks(keys, refresh_age=_KEYS_AGE, forced_pause=_KEYS_PAUSE, now=clock.timestamp)
        else:
            jwks = former.keys
        return _Endpoints(issuer, authorization, token, jwks, clock.timestamp())

    async def _reply(self, question: Question) -> Reply:
        """The answer to *question*. Raises GoogleIndisponible."""
        try:
            return await reply_to(question, timeout=self._timeout)
        except NoReply:
            raise GoogleIndisponible from None


async def _signed(id_token: str, keys: Jwks) -> Mapping[str, Any]:
    """The claims of a token that one of *keys* has signed. Raises IdTokenInvalide, GoogleIndisponible."""
    try:
        kid = jwt.get_unverified_header(id_token).get("kid")
        key = await keys.key(kid) if isinstance(kid, str) else None
        if key is None:
            raise IdTokenInvalide if keys.reached else GoogleIndisponible
        # Only the signature counts here; `id_tokens.py` judges the claims by our clock.
        options: Any = {f"verify_{name}": False for name in ("exp", "iat", "nbf", "aud", "iss", "sub")}
        claims: Mapping[str, Any] = jwt.decode(id_token, key, algorithms=["RS256"], options=options)
    except (PyJWTError, JwksError, ValueError) as error:
        _log.info("an ID token is not valid: %s", type(error).__name__)
        raise IdTokenInvalide from None
    return claims
