"""Rules of the integrations service as pure functions without a clock of their own."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from service_integrations.adapter import Tokens
from service_integrations.models import CONNECTED, DISCONNECTED
from service_integrations.refusals import InvalidRedirectUrl, ProviderRefused

MARGIN = timedelta(minutes=5)
EXPIRED, PARTIAL = "expired", "partial"
DEFAULT_PAGE = "/parametres/integrations"
_LONGEST_URL = 2000
# Codes of RFC 6749 section 5.2 that find fault with us, not with the token: reconnecting would not help.
_OUR_FAULT = frozenset(
    {"invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type", "invalid_scope"}
)


def needs_refresh(expires_at: datetime | None, now: datetime) -> bool:
    """Tell whether a token has five minutes left or less; one without an end never has (R8)."""
    return expires_at is not None and now + MARGIN >= expires_at


def expired(expires_at: datetime | None, now: datetime) -> bool:
    """Tell whether a token has ended (R8)."""
    return expires_at is not None and now >= expires_at


def shown_status(status: str, expires_at: datetime | None, now: datetime, *, complete: bool = True) -> str:
    """The status to show of an account whose row has *status*; *complete*: no permission is missing (R12)."""
    if status != DISCONNECTED and expired(expires_at, now):
        return EXPIRED
    return PARTIAL if status == CONNECTED and not complete else status


def still_missing(former: Iterable[str], tokens: Tokens) -> list[str]:
    """The permissions that usages lack after *tokens*: each is missing until it is granted (R23)."""
    return sorted((frozenset(former) - tokens.granted) | tokens.withheld)


def is_connected(shown: str) -> bool:
    """Tell whether an account with the shown status can be used."""
    return shown == CONNECTED


def must_reconnect(refused: ProviderRefused) -> bool:
    """Tell whether the provider has ended what the user had allowed, not found fault with us (R13)."""
    return refused.status in (400, 401) and refused.error not in _OUR_FAULT


def allowed_redirect(asked: str, origins: tuple[str, ...]) -> str:
    """The address where the browser ends: *asked*, or our page at the first of *origins* (R5).

    Raises InvalidRedirectUrl. The origin is compared whole, so that https://app.fr.exemple.com is not
    taken for https://app.fr, nor a user-info part for a host.
    """
    if not asked:
        return f"{origins[0]}{DEFAULT_PAGE}"
    try:
        parts = urlsplit(asked)
    except ValueError:
        raise InvalidRedirectUrl from None
    plain = asked.isascii() and asked.isprintable() and not set(asked) & {" ", "\\"}
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if not plain or len(asked) > _LONGEST_URL or origin not in origins:
        raise InvalidRedirectUrl
    return asked
