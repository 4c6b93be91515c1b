"""Table of every path with the conditions that a request meets before any endpoint sees it.

`guard.py` applies this table, `routes.py` finds the row of a request. A path that is not in it
does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from service_kit import LIVENESS, READINESS

LOGIN: Final = "/api/auth/login"
LOGOUT: Final = "/api/auth/logout"
RENEW: Final = "/api/auth/renew"
GOOGLE: Final = "/api/auth/google"
GOOGLE_URL: Final = f"{GOOGLE}/url"
GOOGLE_CALLBACK: Final = f"{GOOGLE}/callback"
PROFILE: Final = "/api/profile"
EMAIL_CONFIRM: Final = f"{PROFILE}/email/confirm"
WEBHOOK: Final = "/api/webhook"
WEBHOOK_HEALTH: Final = "/api/webhook/health"
SYNC: Final = "/land/api/v1/users/sync"
INTEGRATIONS: Final = "/api/integrations"
PROVIDERS: Final = f"{INTEGRATIONS}/providers"
CONNECT: Final = f"{INTEGRATIONS}/{{provider}}/connect"
CONNECT_CALLBACK: Final = f"{INTEGRATIONS}/{{provider}}/callback"
ACCOUNT: Final = f"{INTEGRATIONS}/{{provider}}/{{accountId}}"
ACCOUNT_REFRESH: Final = f"{ACCOUNT}/refresh"
JWKS: Final = "/.well-known/jwks.json"
DISCOVERY: Final = "/.well-known/openid-configuration"
FRONT: Final = "/"
CONTRACT: Final = "/openapi.json"
DOCS: Final = "/docs"
DOCS_FILE: Final = f"{DOCS}/{{file}}"

KIBIBYTE: Final = 1024
JSON: Final = "application/json"
JWT: Final = "application/jwt"
HTML: Final = "text/html"


@dataclass(frozen=True, slots=True)
class Policy:
    """Conditions on the requests of a path: rates are per minute, sizes in bytes; 0 is no limit.

    *body* are the admitted content types; without any, the body is not looked at, and with
    *body_optional* it may be left out. *caller* is the kind of caller that must prove himself;
    *shared* says that pages of other allowed origins may call (G7). *counted_with* is the path whose
    rate per caller this one shares, "" for its own.
    """

    method: Literal["GET", "POST", "DELETE"]
    largest_body: int = 8 * KIBIBYTE
    body: frozenset[str] = frozenset()
    caller: Literal["", "user", "service"] = ""
    per_address: int = 0
    per_caller: int = 0
    shared: bool = True
    counted_with: str = ""
    body_optional: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are answered (G10)."""
        return ("GET", "HEAD", "OPTIONS") if self.method == "GET" else (self.method, "OPTIONS")


_INTEGRATIONS = Policy("GET", caller="user", per_caller=120, counted_with=INTEGRATIONS)

POLICIES: Final[Mapping[str, Policy]] = {
    LOGIN: Policy("POST", 16 * KIBIBYTE, frozenset({JSON}), per_address=20),
    LOGOUT: Policy("POST", caller="user", per_caller=120),
    RENEW: Policy("POST", body=frozenset({JSON}), caller="user", per_caller=120, body_optional=True),
    GOOGLE_URL: Policy("GET", per_address=30),
    GOOGLE_CALLBACK: Policy("GET", per_address=30),
    PROFILE: Policy("GET", caller="user", per_caller=120),
    EMAIL_CONFIRM: Policy("POST", body=frozenset({JSON}), caller="user", per_caller=10),
    WEBHOOK: Policy("POST", 256 * KIBIBYTE, frozenset({JSON, JWT}), per_address=300, shared=False),
    WEBHOOK_HEALTH: Policy("GET", shared=False),
    SYNC: Policy("POST", 32 * KIBIBYTE, frozenset({JSON}), "service", per_caller=600, shared=False),
    INTEGRATIONS: _INTEGRATIONS,
    PROVIDERS: _INTEGRATIONS,
    CONNECT: replace(_INTEGRATIONS, method="POST", body=frozenset({JSON})),
    CONNECT_CALLBACK: Policy("GET", per_address=30),
    ACCOUNT_REFRESH: replace(_INTEGRATIONS, method="POST"),
    ACCOUNT: replace(_INTEGRATIONS, method="DELETE"),
    JWKS: Policy("GET"),
    DISCOVERY: Policy("GET"),
    LIVENESS: Policy("GET"),
    READINESS: Policy("GET"),
    FRONT: Policy("GET"),
    CONTRACT: Policy("GET"),
    DOCS: Policy("GET"),
    DOCS_FILE: Policy("GET"),
}
