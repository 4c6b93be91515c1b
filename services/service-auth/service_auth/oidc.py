"""The identity provider, behind a port: Google, or whoever the discovery document names.

Nothing here knows of users or tokens of ours. What an ID token must say is in `id_tokens.py`.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import jwt
from db_utils import clock
from grpc_utils import Jwks
from grpc_utils.jwks import JwksError
from jwt.exceptions import PyJWTError

from service_auth.id_tokens import GOOGLE_ISSUERS, Expected, Personne, checked
from service_auth.refusals import GoogleIndisponible, IdTokenInvalide
from service_auth.settings import AuthSettings, is_secure

_log = logging.getLogger(__name__)

_DISCOVERY_AGE = _KEYS_AGE = 3600.0  # seconds (R14, R18)
_KEYS_PAUSE = 60.0  # seconds between two fetches for unknown key ids (R18)
_ATTEMPTS = 3
_FIRST_WAIT, _JITTER, _LONGEST_WAIT = 0.1, 0.1, 5.0  # seconds
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CONNECT = httpx.Timeout(None, connect=3.0)
_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}
_LARGEST = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Demande:
    """The secrets of one sign-in that travel to the provider."""

    state: str
    nonce: str
    code_challenge: str
    redirect_uri: str


class FournisseurOidc(Protocol):
    """Where people prove who they are."""

    async def authorize_url(self, demande: Demande) -> str:
        """Where the browser goes. Raises GoogleIndisponible."""

    async def exchange(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        """The ID token for *code*. Raises IdTokenInvalide, GoogleIndisponible."""

    async def verify(self, id_token: str, nonce_hash: bytes) -> Personne:
        """Whom *id_token* is about. Raises IdTokenInvalide, EmailNonVerifie, GoogleIndisponible."""


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
        """The authorization endpoint with everything that R14 asks for."""
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
        """The ID token for *code*; the access token is not even looked at (R17)."""
        endpoints = await self._endpoints()
        form = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "code": code,
            "code_verifier": code_verifier,
            "redirect_uri": redirect_uri,
            "grant_type": "authorization_code",
        }
        status, answer = await self._sent("POST", endpoints.token, form)
        if status == httpx.codes.BAD_REQUEST and answer.get("error") == "invalid_grant":
            raise IdTokenInvalide
        id_token = answer.get("id_token")
        if status != httpx.codes.OK or not isinstance(id_token, str):
            _log.warning("the token endpoint has answered %d without an id_token", status)
            raise GoogleIndisponible
        return id_token

    async def verify(self, id_token: str, nonce_hash: bytes) -> Personne:
        """The person of an ID token signed by the provider for this client and this sign-in."""
        endpoints = await self._endpoints()
        claims = await _signed(id_token, endpoints.keys)
        expected = Expected(GOOGLE_ISSUERS | {endpoints.issuer}, self._client_id, nonce_hash)
        return checked(claims, expected, clock.now())

    async def _endpoints(self) -> _Endpoints:
        """What the discovery document says, read at most once an hour; an older one while it is away."""
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
        status, document = await self._sent("GET", self._url)
        found = [
            document.get(name) for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        ]
        if status != httpx.codes.OK or not all(isinstance(url, str) and is_secure(url) for url in found):
            _log.error("the discovery document at %s is not usable (status %d)", self._url, status)
            raise GoogleIndisponible
        issuer, authorization, token, keys = map(str, found)
        if former is None or former.keys.url != keys:
            jwks = Jwks(keys, refresh_age=_KEYS_AGE, forced_pause=_KEYS_PAUSE, now=clock.timestamp)
        else:
            jwks = former.keys
        return _Endpoints(issuer, authorization, token, jwks, clock.timestamp())

    async def _sent(
        self, method: str, url: str, form: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """The status and the JSON object of an answer; asked again when asking has surely had no effect."""
        for attempt in range(1, _ATTEMPTS + 1):
            wait = _wait(attempt)
            try:
                response = await self._asked(method, url, form)
            except (httpx.HTTPError, TimeoutError) as error:
                cause = type(error).__name__
                if attempt == _ATTEMPTS or not (form is None or isinstance(error, _NOT_SENT)):
                    _log.warning("%s %s has failed: %s (attempt %d)", method, url, cause, attempt)
                    raise GoogleIndisponible from None
            else:
                cause = str(response.status_code)
                if attempt == _ATTEMPTS or response.status_code not in _TRY_AGAIN:
                    return response.status_code, _object(response)
                wait = max(wait, _retry_after(response))
            _log.warning("%s %s: %s (attempt %d, again in %.1f s)", method, url, cause, attempt, wait)
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt answers or raises")

    async def _asked(self, method: str, url: str, form: Mapping[str, str] | None) -> httpx.Response:
        """One answer, read as far as 64 KB. Raises httpx.HTTPError, TimeoutError."""
        async with (
            asyncio.timeout(self._timeout),
            httpx.AsyncClient(verify=_trusted(), timeout=_CONNECT) as client,
            client.stream(method, url, data=form, headers=_HEADERS) as response,
        ):
            content = b""
            async for chunk in response.aiter_raw():  # never decompressed: a little may become a lot
                content += chunk
                if len(content) > _LARGEST:
                    raise httpx.DecodingError("more than 64 KB")
            return httpx.Response(response.status_code, headers=response.headers, content=content)


async def _signed(id_token: str, keys: Jwks) -> Mapping[str, Any]:
    """The claims of a token that one of *keys* has signed. Raises IdTokenInvalide, GoogleIndisponible."""
    try:
        kid = jwt.get_unverified_header(id_token).get("kid")
        key = await keys.key(kid) if isinstance(kid, str) else None
        if key is None:
            raise IdTokenInvalide if keys.reached else GoogleIndisponible
        options: Any = {f"verify_{name}": False for name in ("exp", "iat", "nbf", "aud", "iss", "sub")}
        claims: Mapping[str, Any] = jwt.decode(id_token, key, algorithms=["RS256"], options=options)
    except (PyJWTError, JwksError, ValueError) as error:
        _log.info("an ID token is not valid: %s", type(error).__name__)
        raise IdTokenInvalide from None
    return claims


def _wait(attempt: int) -> float:
    return _FIRST_WAIT * float(2 ** (attempt - 1)) + random.uniform(0, _JITTER)


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and float(text) <= _LONGEST_WAIT else 0.0


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        content = response.json()
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}


@cache
def _trusted() -> SSLContext:
    """The certificate authorities that httpx trusts: reading them takes 20 ms, once."""
    return httpx.create_ssl_context()
