"""Every path of the gateway with what is asked of its requests, before any endpoint sees them.

`guard.py` applies this table. A path that is not in it does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from service_kit.edge import LIVENESS

LOGIN: Final = "/api/auth/login"
LOGOUT: Final = "/api/auth/logout"
RENEW: Final = "/api/auth/renew"
GOOGLE: Final = "/api/auth/google"
GOOGLE_URL: Final = f"{GOOGLE}/url"
GOOGLE_CALLBACK: Final = f"{GOOGLE}/callback"
PROFILE: Final = "/api/profile"
WEBHOOK: Final = "/api/webhook"
WEBHOOK_HEALTH: Final = "/api/webhook/health"
SYNC: Final = "/land/api/v1/users/sync"
JWKS: Final = "/.well-known/jwks.json"
DISCOVERY: Final = "/.well-known/openid-configuration"
READINESS: Final = "/readyz"
CONTRACT: Final = "/openapi.json"
DOCS: Final = "/docs"

KIBIBYTE: Final = 1024
JSON: Final = "application/json"
JWT: Final = "application/jwt"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a request: rates are per minute, sizes in bytes; 0 is no limit.

    *body* are the content types of the body, which is not looked at without any. *caller* is
    who must prove himself; *shared* says that pages of other allowed origins may call (G7).
    """

    method: Literal["GET", "POST"]
    largest_body: int = 8 * KIBIBYTE
    body: frozenset[str] = frozenset()
    caller: Literal["", "user", "service"] = ""
    per_address: int = 0
    per_caller: int = 0
    shared: bool = True

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are answered (G10)."""
        return ("GET", "HEAD", "OPTIONS") if self.method == "GET" else (self.method, "OPTIONS")


POLICIES: Final[Mapping[str, Policy]] = {
    LOGIN: Policy("POST", 16 * KIBIBYTE, frozenset({JSON}), per_address=20),
    LOGOUT: Policy("POST", caller="user", per_caller=120),
    RENEW: Policy("POST", caller="user", per_caller=120),
    GOOGLE_URL: Policy("GET", per_address=30),
    GOOGLE_CALLBACK: Policy("GET", per_address=30),
    PROFILE: Policy("GET", caller="user", per_caller=120),
    WEBHOOK: Policy("POST", 256 * KIBIBYTE, frozenset({JSON, JWT}), per_address=300, shared=False),
    WEBHOOK_HEALTH: Policy("GET", shared=False),
    SYNC: Policy("POST", 32 * KIBIBYTE, frozenset({JSON}), "service", per_caller=600, shared=False),
    JWKS: Policy("GET"),
    DISCOVERY: Policy("GET"),
    LIVENESS: Policy("GET"),
    READINESS: Policy("GET"),
    CONTRACT: Policy("GET"),
    DOCS: Policy("GET"),
}
