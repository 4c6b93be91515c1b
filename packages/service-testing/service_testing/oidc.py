"""An OpenID Connect provider on a free port, which signs people in, fails and lies on demand.

async with oidc_provider(redirect_uris=("http://127.0.0.1:5000/callback",)) as provider:
    provider.person = person("jeanne@exemple.fr")  # who sits before the browser
    back = await browse(auth_url)  # what the browser brings to the callback: code and state

Discovery, authorization code with PKCE, and keys, as OpenID Connect Core 1.0, RFC 6749 and
RFC 7636 ask for; `issuer.py` has a provider for access tokens alone.
"""

import base64
import hashlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from db_utils import clock
from starlette.responses import JSONResponse, RedirectResponse, Response

from service_testing.issuer import new_key, public_jwk
from service_testing.party import HttpParty, Raw, Request
from service_testing.tokens import compact, rsa_by
from service_testing.web import web_client

__all__ = [
    "AUTHORIZE",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "DISCOVERY",
    "KEYS",
    "TOKEN",
    "OidcProvider",
    "browse",
    "oidc_provider",
    "person",
    "s256",
]

DISCOVERY: Final = "/.well-known/openid-configuration"
AUTHORIZE, TOKEN, KEYS = "/authorize", "/token", "/keys"
CLIENT_ID, CLIENT_SECRET = "crm-client", "oidc-client-secret"
_LIFETIME = 3600  # seconds of an ID token
_FORGER = 99  # the number of a key that is never published
_FOUND, _BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND = 302, 400, 401, 404

Claims = Mapping[str, object]


def person(email: str, **claims: object) -> dict[str, object]:
    """What the provider says of somebody with *email*, whose subject is made of it."""
    known = {"sub": f"sub-{email}", "email": email, "email_verified": True}
    return known | {"given_name": "Jeanne", "family_name": "Martin"} | claims


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a code stands for."""

    person: Claims
    redirect_uri: str
    challenge: str
    nonce: str


@dataclass(frozen=True, slots=True)
class _Faults:
    """How the provider misbehaves at the moment."""

    claims: Claims = field(default_factory=dict)
    forged: bool = False
    refusal: str = ""
    status: int = 0
    left: Counter[str] = field(default_factory=Counter)


class OidcProvider(HttpParty):
    """The provider; *person* signs in next."""

    def __init__(self, redirect_uris: tuple[str, ...]) -> None:
        super().__init__()
        self.person: Claims = person("jeanne.martin@exemple.fr")
        self._redirect_uris = redirect_uris
        self._grants: dict[str, _Grant] = {}
        self._key_number = 1
        new_key(self._key_number)  # keys are made beforehand: an answer that makes one may come too late
        self._faults = _Faults()

    @property
    def issuer(self) -> str:
        """What its tokens say in `iss`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def discovery_url(self) -> str:
        """Where its discovery document is."""
        return self.issuer + DISCOVERY

    @property
    def kid(self) -> str:
        """The id of the key it signs with."""
        return f"oidc-{self._key_number}"

    def asked(self, path: str) -> list[Request]:
        """The requests for *path*."""
        return [request for request in self.requests if request.path == path]

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish that one alone."""
        self._key_number += 1
        new_key(self._key_number)

    @contextmanager
    def claiming(self, **claims: object) -> Iterator[None]:
        """Put *claims* into ID tokens, in the place of the true ones; None leaves one out."""
        with self._but(claims=claims):
            yield

    @contextmanager
    def forging(self) -> Iterator[None]:
        """Sign ID tokens with a key that is not the published one of that id."""
        new_key(_FORGER)
        with self._but(forged=True):
            yield

    @contextmanager
    def refusing(self, error: str = "access_denied") -> Iterator[None]:
        """Send browsers back with *error* in the place of a code."""
        with self._but(refusal=error):
            yield

    @contextmanager
    def failing(self, path: str, status: int, *, times: int = 1_000_000) -> Iterator[None]:
        """Answer the next *times* requests for *path* with *status*; 0 closes the line instead."""
        with self._but(status=status, left=Counter({path: times})):
            yield

    @contextmanager
    def _but(self, **changes: Any) -> Iterator[None]:
        former, self._faults = self._faults, replace(self._faults, **changes)
        try:
            yield
        finally:
            self._faults = former

    def _answer(self, request: Request) -> Response:
        if self._faults.left[request.path] > 0:
            self._faults.left[request.path] -= 1
            status = self._faults.status
            return JSONResponse({"error": "temporarily_unavailable"}, status) if status else Raw()
        match request.path:
            case "/.well-known/openid-configuration":
                return JSONResponse(self._discovery())
            case "/keys":
                return JSONResponse({"keys": [public_jwk(new_key(self._key_number), self.kid)]})
            case "/authorize":
                return self._authorized(request.parameters)
            case "/token":
                return self._exchanged(request.parameters)
        return JSONResponse({}, _NOT_FOUND)

    def _discovery(self) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + AUTHORIZE,
            "token_endpoint": self.issuer + TOKEN,
            "jwks_uri": self.issuer + KEYS,
        }

    def _authorized(self, asked: Mapping[str, str]) -> Response:
        """Send the browser back with a code, or with an error; never to an address it does not know."""
        redirect_uri = asked.get("redirect_uri", "")
        if asked.get("client_id") != CLIENT_ID or redirect_uri not in self._redirect_uris:
            return JSONResponse({"error": "invalid_request"}, _BAD_REQUEST)
        back = {"state": asked.get("state", "")}
        if error := self._faults.refusal or _fault_of(asked):
            back["error"] = error
        else:
            back["code"] = secrets.token_urlsafe(16)
            self._grants[back["code"]] = _Grant(
                dict(self.person), redirect_uri, asked["code_challenge"], asked.get("nonce", "")
            )
        return RedirectResponse(f"{redirect_uri}?{urlencode(back)}", _FOUND)

    def _exchanged(self, form: Mapping[str, str]) -> Response:
        """Tokens for a code, once, to the client that began the sign-in."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, _UNAUTHORIZED)
        grant = self._grants.pop(form.get("code", ""), None)
        challenge = s256(form.get("code_verifier", ""))
        if grant is None or grant.challenge != challenge or grant.redirect_uri != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, _BAD_REQUEST)
        tokens = {"access_token": secrets.token_urlsafe(16), "id_token": self._id_token(grant)}
        return JSONResponse(tokens | {"token_type": "Bearer", "expires_in": _LIFETIME})

    def _id_token(self, grant: _Grant) -> str:
        now = int(clock.timestamp())
        standard: dict[str, object] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "iat": now,
            "exp": now + _LIFETIME,
            "nonce": grant.nonce,
        }
        changed = {**standard, **grant.person, **self._faults.claims}
        claims = {name: value for name, value in changed.items() if value is not None}
        key = new_key(_FORGER if self._faults.forged else self._key_number)
        return compact({"alg": "RS256", "typ": "JWT", "kid": self.kid}, claims, rsa_by(key))


@asynccontextmanager
async def oidc_provider(redirect_uris: tuple[str, ...]) -> AsyncIterator[OidcProvider]:
    """A running provider that knows one client, with these callbacks."""
    provider = OidcProvider(redirect_uris)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()


async def browse(auth_url: str) -> dict[str, str]:
    """Open *auth_url* as a browser does; the parameters with which it is sent back.

    Raises AssertionError when the provider shows an error page instead.
    """
    async with web_client(follow_redirects=False) as browser:
        page = await browser.get(auth_url)
    assert page.status_code == _FOUND, page.text
    return dict(parse_qsl(urlsplit(page.headers["location"]).query))


def _fault_of(asked: Mapping[str, str]) -> str:
    """The error code for an authorization request that is not one, "" for a good one."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope"
    if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
        return "invalid_request"
    return ""


def s256(verifier: str) -> str:
    """S256 of RFC 7636 section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
