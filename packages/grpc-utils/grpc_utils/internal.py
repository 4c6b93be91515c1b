"""Proof of an internal call: a token signed by the calling service for one callee.

Each service holds one Ed25519 private key; the public halves are configuration. A token
lives 60 seconds at most, names its callee and carries the user on whose behalf the
service acts. A header that merely names a service proves nothing and is never read.
"""

import base64
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from db_utils import clock, uuid7

from grpc_utils.identity import SERVICE_PREFIX, Identity
from grpc_utils.verifier import FixedKey, Issuer

LIFETIME = 60  # seconds
_REUSED = 30  # seconds during which a token serves several calls; half a life is left to the last of them
_REMEMBERED = 1000  # tokens, by callee and user; a full memory is emptied, for tokens are cheap to sign
_KEY_SIZE = 32  # bytes of an Ed25519 key, private or public (RFC 8032, section 5.1.5)


class InvalidServiceKey(ValueError):
    """A configured service key that cannot be read; the message names its service."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Key pair of a service, each half 32 raw bytes in base64url."""

    private: str
    public: str


def new_key_pair() -> KeyPair:
    """A fresh pair: the private half is for one service, the public half for all of them."""
    private = Ed25519PrivateKey.generate()
    seed = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return KeyPair(*(base64.urlsafe_b64encode(raw).decode().rstrip("=") for raw in (seed, public)))


def service_issuers(public_keys: str, callee: str) -> list[Issuer]:
    """The issuers of internal tokens for *callee*, from "name:key,name:key". Raises InvalidServiceKey."""
    issuers = []
    for entry in filter(None, (part.strip() for part in public_keys.split(","))):
        name, _, text = entry.partition(":")
        key = Ed25519PublicKey.from_public_bytes(_raw(name, text))
        audience = SERVICE_PREFIX + callee
        issuers.append(
            Issuer(SERVICE_PREFIX + name, "EdDSA", FixedKey(key), (audience,), longest_life=LIFETIME)
        )
    return issuers


def _raw(name: str, text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    if len(raw) != _KEY_SIZE:
        raise InvalidServiceKey(f"the key of service {name!r} is not 32 bytes in base64url")
    return raw


class ServiceSigner:
    """Maker of the tokens with which service *name* calls others. Raises InvalidServiceKey."""

    def __init__(self, name: str, private_key: str) -> None:
        self._subject = SERVICE_PREFIX + name
        self._key = Ed25519PrivateKey.from_private_bytes(_raw(name, private_key))
        self._recent: dict[tuple[str, str], tuple[float, str]] = {}

    def token(self, callee: str, user: Identity | None) -> str:
        """A token for calls to *callee* on behalf of *user*, or of the service itself with None.

        The same token is returned for 30 seconds, then a new one.
        """
        act_for = user.user_id if user is not None else ""
        now = clock.machine()
        made_at, token = self._recent.get((callee, act_for), (float("-inf"), ""))
        if 0 <= now - made_at < _REUSED:  # negative after the clock was set back: made in the future then
            return token
        token = self._sign(callee, act_for, int(now))
        if len(self._recent) >= _REMEMBERED:
            self._recent.clear()
        self._recent[callee, act_for] = now, token
        return token

    def _sign(self, callee: str, act_for: str, now: int) -> str:
        payload: dict[str, object] = {
            "iss": self._subject,
            "sub": self._subject,
            "aud": SERVICE_PREFIX + callee,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": str(uuid7()),
        }
        if act_for:
            payload["act_for"] = act_for
        return jwt.encode(payload, self._key, algorithm="EdDSA")
