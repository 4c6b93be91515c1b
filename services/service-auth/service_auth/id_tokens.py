"""Checks of an ID token's claims before anybody is signed in with it, pure (R18).

Its signature is checked in `oidc.py`, which knows the keys.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grpc_utils import email_address, outer_text
from grpc_utils.errors import InvalidArgument

from service_auth.refusals import EmailNonVerifie, IdTokenInvalide

LEEWAY = 60  # seconds of tolerated clock difference
OLDEST = 600  # seconds since iat
GOOGLE_ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
_LONGEST_SUBJECT, _LONGEST_NAME, _LONGEST_URL = 255, 100, 2048


@dataclass(frozen=True, slots=True)
class Personne:
    """A person as Google describes him; a detail that Google leaves out is empty."""

    sujet: str
    email: str
    prenom: str = ""
    nom: str = ""
    photo_url: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """Values that the token of one sign-in must name."""

    issuers: Collection[str]
    client_id: str
    nonce_hash: bytes


def checked(claims: Mapping[str, Any], expected: Expected, now: datetime) -> Personne:
    """The person of a token that its provider has signed. Raises IdTokenInvalide, EmailNonVerifie."""
    _check_parties(claims, expected)
    _check_times(claims, now.timestamp())
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(hashed(nonce), expected.nonce_hash):
        raise IdTokenInvalide
    sujet, email = claims.get("sub"), _email(claims.get("email"))
    if not isinstance(sujet, str) or not 0 < len(sujet) <= _LONGEST_SUBJECT or not sujet.isprintable():
        raise IdTokenInvalide
    if claims.get("email_verified") is not True:
        raise EmailNonVerifie
    return Personne(
        sujet=sujet,
        email=email,
        prenom=outer_text(claims.get("given_name"), _LONGEST_NAME),
        nom=outer_text(claims.get("family_name"), _LONGEST_NAME),
        photo_url=_https(claims.get("picture")),
    )


def hashed(secret: str) -> bytes:
    """Stored form of a random *secret*: 256 random bits need no salt."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in expected.issuers or expected.client_id not in audiences:
        raise IdTokenInvalide
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise IdTokenInvalide
    if len(audiences) > 1 and "azp" not in claims:  # OpenID Connect Core 1.0, 3.1.3.7, step 4
        raise IdTokenInvalide


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    exp, iat = claims.get("exp"), claims.get("iat")
    for instant in (exp, iat):
        if isinstance(instant, bool) or not isinstance(instant, (int, float)):
            raise IdTokenInvalide
    assert exp is not None
    assert iat is not None
    if not (now < exp + LEEWAY and now - OLDEST - LEEWAY <= iat <= now + LEEWAY):
        raise IdTokenInvalide


def _email(claim: object) -> str:
    try:
        email = email_address(outer_text(claim, 255), "email")
    except InvalidArgument:
        email = None
    if email is None:
        raise IdTokenInvalide
    return email


def _https(claim: object) -> str:
    text = outer_text(claim, _LONGEST_URL + 1)
    plain = text.isprintable() and " " not in text and "@" not in text and len(text) <= _LONGEST_URL
    return text if text.startswith("https://") and plain else ""
