"""What Google, Microsoft and Instagram each answer at their endpoints; `oauth.py` serves and disturbs it.

As RFC 6749, 7009 and 7636 have it for the first two, and Meta's "Business Login for Instagram" for the third.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final
from urllib.parse import urlencode, urlsplit

from service_testing.oidc import s256
from service_testing.party import Request

AUTHORIZE, TOKEN, PROFILE, REVOKE = "authorize", "token", "profile", "revoke"
LONG_TOKEN, REFRESH = "long_token", "refresh"  # Instagram alone
HOUR, SIXTY_DAYS = 3600, 5_184_000  # seconds that tokens live

Answer = tuple[int, dict[str, object]]
_BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND = 400, 401, 404


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has an account at each of the providers, and says yes."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class _Grant:
    """What an account has allowed: *offline* when it lasts longer than one access token."""

    id: str
    account: Account
    redirect_uri: str
    scope: str
    challenge: str
    offline: bool


class Desk(ABC):
    """One provider, which knows one client with one callback."""

    code: ClassVar[str]
    endpoints: ClassVar[frozenset[str]]

    def __init__(self) -> None:
        self.client_id, self.client_secret = f"{self.code}-client", f"{self.code}-client-secret"
        self.callback = f"http://localhost:5000/api/integrations/{self.code}/callback"
        self.issued: list[str] = []  # codes and tokens
        self._grants: dict[tuple[str, str], _Grant] = {}  # by kind and value of codes and tokens

    def authorized(self, asked: Mapping[str, str], account: Account, refusal: str = "") -> str | None:
        """Where the browser of *account* is sent back to; nowhere for a client that is not known."""
        if (asked.get("client_id"), asked.get("redirect_uri")) != (self.client_id, self.callback):
            return None
        back = {"state": asked.get("state", "")}
        if error := refusal or self._fault_of(asked):
            back |= {"error": error, "error_description": "told by the double"}
        else:
            back["code"] = self._new("code", self._grant(asked, account))
        return f"{self.callback}?{urlencode(back)}"

    @abstractmethod
    def answer(self, endpoint: str, request: Request) -> Answer:
        """The status and the content for *request*."""

    @abstractmethod
    def refusal(self, status: int, error: str) -> Answer:
        """How the provider says no."""

    @abstractmethod
    def _offline(self, asked: Mapping[str, str]) -> bool:
        """Whether more than an access token is asked for."""

    def _fault_of(self, asked: Mapping[str, str]) -> str:
        return "" if asked.get("response_type") == "code" and asked.get("scope") else "invalid_request"

    def _grant(self, asked: Mapping[str, str], account: Account) -> _Grant:
        scope, challenge = asked["scope"], asked.get("code_challenge", "")
        identity = secrets.token_urlsafe(8)
        return _Grant(identity, account, self.callback, scope, challenge, self._offline(asked))

    def _new(self, kind: str, grant: _Grant) -> str:
        value = f"{self.code}-{kind}-{secrets.token_urlsafe(16)}"
        self.issued.append(value)
        self._grants[kind, value] = grant
        return value

    def _redeemed(self, form: Mapping[str, str]) -> _Grant | None:
        """The grant of a code, once, for who began the connection."""
        grant = self._grants.pop(("code", form.get("code", "")), None)
        if grant is None or grant.redirect_uri != form.get("redirect_uri"):
            return None
        proven = not grant.challenge or s256(form.get("code_verifier", "")) == grant.challenge
        return grant if proven else None

    def _is_client(self, form: Mapping[str, str]) -> bool:
        return (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)


class _Standard(Desk):
    """A provider that keeps to the RFCs: PKCE, and refresh tokens at the token endpoint."""

    rotates: ClassVar[bool]  # whether a refresh brings a new refresh token

    def answer(self, endpoint: str, request: Request) -> Answer:
        """The tokens, the profile, or the end of a token."""
        if endpoint == PROFILE:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            grant = self._grants.get(("access", token))
            if grant is None or not self._opens_profile(grant.scope):
                return self._unknown()
            return 200, self._profile(grant.account)
        if endpoint == REVOKE:
            return self._revoked(request.parameters.get("token", ""))
        return self._tokens(request.parameters)

    def refusal(self, status: int, error: str) -> Answer:
        """As RFC 6749 section 5.2 says."""
        return status, {"error": error, "error_description": "told by the double"}

    @abstractmethod
    def _profile(self, account: Account) -> dict[str, object]:
        """What is told of the holder of a token."""

    @abstractmethod
    def _unknown(self) -> Answer:
        """How a token is refused that is not good."""

    def _scope_fault(self, scope: str) -> str:
        """Why no token is given for *scope*, "" when one is."""
        return ""

    def _opens_profile(self, scope: str) -> bool:
        return True

    def _fault_of(self, asked: Mapping[str, str]) -> str:
        pkce = asked.get("code_challenge_method") == "S256" and asked.get("code_challenge")
        return super()._fault_of(asked) if pkce else "invalid_request"

    def _tokens(self, form: Mapping[str, str]) -> Answer:
        if not self._is_client(form):
            return self.refusal(_UNAUTHORIZED, "invalid_client")
        first = form.get("grant_type") == "authorization_code"
        key = ("refresh", form.get("refresh_token", ""))
        grant = self._redeemed(form) if first else self._grants.get(key)
        if grant is None:
            return self.refusal(_BAD_REQUEST, "invalid_grant")
        scope = form.get("scope", grant.scope)
        if fault := self._scope_fault(scope):
            return self.refusal(_BAD_REQUEST, fault)
        told: dict[str, object] = {"token_type": "Bearer", "expires_in": HOUR, "scope": scope}
        told["access_token"] = self._new("access", replace(grant, scope=scope))
        if grant.offline and (first or self.rotates):
            told["refresh_token"] = self._new("refresh", grant)
        return 200, told

    def _revoked(self, token: str) -> Answer:
        """The end of everything that has come from the grant of *token* (RFC 7009 section 2.1)."""
        grant = self._grants.get(("access", token)) or self._grants.get(("refresh", token))
        if grant is None:
            return self.refusal(_BAD_REQUEST, "invalid_token")
        self._grants = {key: other for key, other in self._grants.items() if other.id != grant.id}
        return 200, {}


class GoogleDesk(_Standard):
    """Google: refresh tokens stay the same."""

    code = "google"
    endpoints = frozenset({AUTHORIZE, TOKEN, PROFILE, REVOKE})
    rotates = False

    def _offline(self, asked: Mapping[str, str]) -> bool:
        return asked.get("access_type") == "offline"

    def _profile(self, account: Account) -> dict[str, object]:
        return {"sub": account.id, "name": account.name, "email": account.email, "email_verified": True}

    def _unknown(self) -> Answer:
        return self.refusal(_UNAUTHORIZED, "invalid_request")


class MicrosoftDesk(_Standard):
    """Microsoft: each refresh brings a new refresh token, each access token is for one resource.

    The profile is that of Graph, as are scopes that name no resource.
    """

    code = "microsoft"
    endpoints = frozenset({AUTHORIZE, TOKEN, PROFILE})
    rotates = True

    def _offline(self, asked: Mapping[str, str]) -> bool:
        return "offline_access" in asked["scope"].split()

    def _profile(self, account: Account) -> dict[str, object]:
        both = {"mail": account.email, "userPrincipalName": account.email}
        return {"id": account.id, "displayName": account.name, **both}

    def _scope_fault(self, scope: str) -> str:
        return "invalid_scope" if len(_resources(scope)) > 1 else ""

    def _opens_profile(self, scope: str) -> bool:
        return _resources(scope) <= {"graph.microsoft.com"}

    def _unknown(self) -> Answer:
        return _UNAUTHORIZED, {"error": {"code": "InvalidAuthenticationToken", "message": "…"}}


class InstagramDesk(Desk):
    """Instagram: an hour's token for a code, one of 60 days for that, and another for it later."""

    code = "instagram"
    endpoints = frozenset({AUTHORIZE, TOKEN, LONG_TOKEN, REFRESH, PROFILE})

    def answer(self, endpoint: str, request: Request) -> Answer:
        """The tokens or the profile."""
        asked = request.parameters
        if endpoint == TOKEN:
            return self._short(asked)
        kind = "short" if endpoint == LONG_TOKEN else "long"
        grant = self._grants.get((kind, asked.get("access_token", "")))
        if grant is None:
            return self.refusal(_BAD_REQUEST, "OAuthException")
        if endpoint == PROFILE:
            return 200, {"user_id": grant.account.id, "username": grant.account.name}
        return self._long(endpoint, asked, grant)

    def refusal(self, status: int, error: str) -> Answer:
        """As the Graph API says it."""
        return status, {"error": {"message": "told by the double", "type": error, "code": 190}}

    def _offline(self, asked: Mapping[str, str]) -> bool:
        return True

    def _short(self, form: Mapping[str, str]) -> Answer:
        grant = self._redeemed(form) if self._is_client(form) else None
        if grant is None or form.get("grant_type") != "authorization_code":
            return _BAD_REQUEST, {"error_type": "OAuthException", "code": 400, "error_message": "…"}
        token, permissions = self._new("short", grant), grant.scope.split(",")
        return 200, {"access_token": token, "user_id": grant.account.id, "permissions": permissions}

    def _long(self, endpoint: str, asked: Mapping[str, str], grant: _Grant) -> Answer:
        first = endpoint == LONG_TOKEN
        known = not first or asked.get("client_secret") == self.client_secret
        if not known or asked.get("grant_type") != ("ig_exchange_token" if first else "ig_refresh_token"):
            return self.refusal(_BAD_REQUEST, "OAuthException")
        return 200, {
            "access_token": self._new("long", grant),
            "token_type": "bearer",
            "expires_in": SIXTY_DAYS,
        }


def _resources(scope: str) -> set[str]:
    return {urlsplit(name).netloc for name in scope.split() if name.startswith("https://")}


DESKS: Final = (GoogleDesk, MicrosoftDesk, InstagramDesk)
