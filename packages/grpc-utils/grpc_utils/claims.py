"""The strict reading of a JSON Web Token: one spelling, exact types, exact ranges.

We rely on a library for the signature alone (`verifier.py`). Everything else that RFC 7515, 7519
and 8725 ask for is judged here: that a part has one encoding and is a JSON object in UTF-8 without
repeated names, and that the claims have the right types and ranges.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grpc_utils.fields import is_opaque_id

__all__ = [
    "ExpiredToken",
    "ForeignAudience",
    "ForeignIssuer",
    "ForgedToken",
    "InvalidToken",
    "read",
]

LEEWAY = 30  # seconds of tolerated clock difference on exp, nbf and iat
_LATEST = 253402300799  # 9999-12-31, the last instant a datetime can hold
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_TEXT = 255  # characters of a claim; OpenID Connect Core 1.0, section 2, sets it for `sub`
_USER_ID_CLAIMS = ("sub", "userId", "user_id", "id")


class InvalidToken(Exception):
    """A token that is not acceptable; the text says why, for our logs only."""


class ExpiredToken(InvalidToken):
    """A token that was acceptable until its `exp`."""


class ForgedToken(InvalidToken):
    """A token that no key of its issuer has signed: another algorithm, an unknown key, changed bytes."""


class ForeignIssuer(InvalidToken):
    """A token of an issuer that is not trusted here."""


class ForeignAudience(InvalidToken):
    """A token that was issued for another audience."""


class LongToken(InvalidToken):
    """A token longer than `verifier.LARGEST_TOKEN`."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed token whose signature nobody has checked yet."""

    header: Mapping[str, Any]
    payload: Mapping[str, Any]


def read(token: str) -> Unverified:
    """Split and decode *token*, without looking at its signature. Raises InvalidToken."""
    if not _COMPACT.fullmatch(token):
        raise InvalidToken("not three base64url parts")
    header, payload, signature = token.split(".")
    _decode(signature)
    return Unverified(_object(header), _object(payload))


def _decode(part: str) -> bytes:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidToken("not base64url") from None
    # One token has one spelling (RFC 4648, section 3.5): caches and audits know it by its text.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise InvalidToken("a second spelling of the same bytes")
    return raw


def _object(part: str) -> dict[str, Any]:
    try:
        content = json.loads(
            _decode(part).decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_without_doubles
        )
    except (ValueError, RecursionError):  # RecursionError: nested deeper than the parser follows
        raise InvalidToken("not a JSON object in UTF-8") from None
    if not isinstance(content, dict):
        raise InvalidToken("not a JSON object")
    return content


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name occurs twice")
    return content


def check_times(payload: Mapping[str, Any], now: float) -> float:
    """Check exp, nbf and iat against *now* (Unix seconds); return exp. Raises InvalidToken, ExpiredToken."""
    expires = _instant(payload, "exp")
    if expires is None:
        raise InvalidToken("no exp")
    if now >= expires + LEEWAY:
        raise ExpiredToken("exp has passed")
    for name in ("nbf", "iat"):
        instant = _instant(payload, name)
        if instant is not None and instant > now + LEEWAY:
            raise InvalidToken(f"{name} is in the future")
    return expires


def check_lifetime(payload: Mapping[str, Any], longest: float) -> None:
    """Refuse a token without `iat`, or with more than *longest* seconds to its `exp`. Raises InvalidToken."""
    issued, expires = _instant(payload, "iat"), _instant(payload, "exp")
    if issued is None or expires is None or not 0 <= expires - issued <= longest:
        raise InvalidToken("a life that is too long or not told")


def _instant(payload: Mapping[str, Any], name: str) -> float | None:
    if name not in payload:
        return None
    value = payload[name]
    # RFC 7519, section 2: a number. A bool is an int in Python, and no time.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LATEST:
        raise InvalidToken(f"{name} is not a time")
    return float(value)


def check_audience(payload: Mapping[str, Any], wanted: Sequence[str], *, or_party: bool = False) -> None:
    """Refuse a token whose `aud` names none of *wanted*; with *or_party* an `azp` that does is enough.

    Raises ForeignAudience.
    """
    audience = payload.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if or_party:
        named = [*named, payload.get("azp")]
    if not any(name in wanted for name in named):
        raise ForeignAudience("another audience")


def user_id(payload: Mapping[str, Any]) -> str:
    """The first claim present of sub, userId, user_id, id (C5). Raises InvalidToken."""
    for name in _USER_ID_CLAIMS:
        if name in payload:
            return text(payload, name)
    raise InvalidToken("no user id")


def organisation(payload: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The first claim of *names* that is not empty, "" when all are empty, None when none is there (C6).

    Raises InvalidToken.
    """
    found = [payload[name] for name in names if name in payload]
    if any(value is not None and not isinstance(value, str) for value in found):
        raise InvalidToken("an organisation claim that is not a text")
    first = next((value for value in found if value), "")
    if first and not is_opaque_id(first):
        raise InvalidToken("an organisation claim that is not an id")
    return first if found else None


def text(payload: Mapping[str, Any], name: str) -> str:
    """Claim *name* as a non-empty printable text of at most 255 characters. Raises InvalidToken."""
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or not value.isprintable():
        raise InvalidToken(f"{name} is not a text")
    if value != value.strip():
        raise InvalidToken(f"{name} has spaces around it")
    return value
