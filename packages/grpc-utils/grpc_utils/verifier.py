"""Verification of bearer tokens: one issuer, one key source, one algorithm (C5).

The issuer named in the payload decides which keys and which algorithm are acceptable; the header
of the token decides neither (RFC 8725, section 3.1). Verified tokens are remembered for five
minutes, never beyond their end. `claims.py` reads the parts of a token.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol

from cachetools import TLRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from db_utils import clock
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from grpc_utils import claims
from grpc_utils.claims import ForeignIssuer, ForgedToken, InvalidToken, LongToken, Unverified
from grpc_utils.identity import SERVICE_PREFIX, Identity

Algorithm = Literal["RS256", "HS256", "EdDSA"]
PublicKey = RSAPublicKey | Ed25519PublicKey | bytes

LARGEST_TOKEN = 8192  # bytes (C5), and characters as well, for they are ASCII
_REMEMBERED = 10_000  # tokens; the one used least recently makes room
_TRUSTED = 300.0  # seconds after which a token is verified again: its key may have been withdrawn
ORGANISATION_CLAIMS = ("organisation_id", "https://wanzo.com/company_id", "company_id", "org_code")


class AmbiguousIssuer(ValueError):
    """Two issuers of one name: the weaker one would speak for both. The message says what to do."""


class KeySource(Protocol):
    """Source of the keys of an issuer."""

    async def key(self, kid: str) -> PublicKey | None:
        """The key named *kid* ("" in a token without a `kid`), None when there is none."""


@dataclass(frozen=True, slots=True)
class FixedKey:
    """A key source with one key, whatever key id a token names."""

    value: PublicKey

    async def key(self, kid: str) -> PublicKey | None:
        """The one key, whatever *kid* is."""
        return self.value


@dataclass(frozen=True, slots=True)
class Issuer:
    """A trusted issuer and the form that its tokens must have.

    *name* is the `iss` claim ("" for tokens without one). These are checked when set: *audiences*,
    one of which `aud` must name (with *or_party* an `azp` that is one is enough); *token_type*, the
    `typ` claim, which keeps Keycloak's ID tokens out; *longest_life*, seconds from `iat` to `exp`.
    *now* is the clock by which its tokens are made (Unix seconds).
    """

    name: str
    algorithm: Algorithm
    keys: KeySource
    audiences: tuple[str, ...] = ()
    or_party: bool = False
    token_type: str = ""
    longest_life: float = 0.0
    now: Callable[[], float] = clock.machine

    @property
    def is_service(self) -> bool:
        """Whether this issuer is one of our own services, signing for itself."""
        return self.name.startswith(SERVICE_PREFIX)


def _trusted_until(token: str, identity: Identity, now: float) -> float:
    return min(identity.expires_at + claims.LEEWAY, now + _TRUSTED)


class TokenVerifier:
    """Verifies the tokens of *issuers*; *organisation_claims* are tried in order.

    *remembered* are the identities of the tokens that were verified within five minutes and have
    not expired, by token.
    """

    def __init__(
        self, issuers: Sequence[Issuer], organisation_claims: Sequence[str] = ORGANISATION_CLAIMS
    ) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        if len(self._issuers) != len(issuers):
            raise AmbiguousIssuer("two key sources for one issuer (iss): give each its own")
        self._organisation_claims = tuple(organisation_claims)
        self._jws = PyJWS(algorithms=["RS256", "HS256", "EdDSA"])
        self._remembered: TLRUCache[str, Identity] = TLRUCache(_REMEMBERED, _trusted_until, clock.machine)
        self.remembered: Mapping[str, Identity] = self._remembered

    async def verify(self, token: str) -> Identity:
        """Return the identity that *token* proves and remember it. Raises the classes of `claims`."""
        if len(token) > LARGEST_TOKEN:
            raise LongToken("longer than 8 KB")
        unverified = claims.read(token)
        issuer = self._issuer(unverified)
        await self._check_signature(token, unverified, issuer)  # before any claim but iss is looked at
        identity = self._identity(unverified, issuer)
        self._remembered[token] = identity
        return identity

    def _issuer(self, token: Unverified) -> Issuer:
        name = token.payload.get("iss", "")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise ForeignIssuer("an issuer that is not configured")
        if token.header.get("alg") != issuer.algorithm:
            raise ForgedToken("not the algorithm of its issuer")
        return issuer

    async def _check_signature(self, token: str, unverified: Unverified, issuer: Issuer) -> None:
        kid = unverified.header.get("kid", "")
        if not isinstance(kid, str):
            raise InvalidToken("kid is not a text")
        key: Any = await issuer.keys.key(kid)
        if key is None:
            raise ForgedToken("an unknown key")
        try:
            self._jws.decode(token, key, algorithms=[issuer.algorithm])
        except (PyJWTError, ValueError) as error:
            raise ForgedToken(type(error).__name__) from None

    def _identity(self, token: Unverified, issuer: Issuer) -> Identity:
        payload = token.payload
        expires_at = claims.check_times(payload, issuer.now())
        if issuer.longest_life:
            claims.check_lifetime(payload, issuer.longest_life)
        if issuer.audiences:
            claims.check_audience(payload, issuer.audiences, or_party=issuer.or_party)
        if issuer.token_type and payload.get("typ") != issuer.token_type:
            raise InvalidToken("not an access token")
        subject = claims.user_id(payload)
        if issuer.is_service != subject.startswith(SERVICE_PREFIX):
            raise InvalidToken("a user posing as a service, or the reverse")
        if issuer.is_service and subject != issuer.name:
            raise InvalidToken("a service posing as another")
        return Identity(
            kind="service" if issuer.is_service else "user",
            subject=subject,
            organisation_id=claims.organisation(payload, self._organisation_claims),
            expires_at=expires_at,
            issued_at=float(payload.get("iat", 0)),
            token_id=claims.text(payload, "jti") if "jti" in payload else "",
            issuer=issuer.name,
            on_behalf_of=claims.text(payload, "act_for")
            if issuer.is_service and "act_for" in payload
            else "",
            claims=MappingProxyType(dict(payload)),
        )
