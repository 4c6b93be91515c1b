"""JSON Web Tokens as nobody should make them: any header, any payload, any signature.

`compact` checks nothing, so that tests can say byte for byte what a server is shown.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

Sign = Callable[[bytes], bytes]
_P256_BYTES = 32


def b64(raw: bytes) -> str:
    """*raw* in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact(header: object, payload: object, sign: Sign) -> str:
    """The three parts of a token; bytes are taken as they are, anything else becomes JSON."""
    signed = f"{b64(_raw(header))}.{b64(_raw(payload))}"
    return f"{signed}.{b64(sign(signed.encode()))}"


def _raw(part: object) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def hmac_by(key: bytes, digest: str = "sha256") -> Sign:
    """HS256 under *key*, or HS384 and HS512 by *digest*."""
    return lambda signed: hmac.digest(key, signed, digest)


def rsa_by(key: RSAPrivateKey, digest: HashAlgorithm | None = None) -> Sign:
    """RS256 under *key*, or RS384 and RS512 by *digest*."""
    return lambda signed: key.sign(signed, PKCS1v15(), digest or SHA256())


def pss_by(key: RSAPrivateKey) -> Sign:
    """PS256 under *key*."""
    return lambda signed: key.sign(signed, PSS(MGF1(SHA256()), PSS.DIGEST_LENGTH), SHA256())


def ed25519_by(key: Ed25519PrivateKey) -> Sign:
    """EdDSA under *key*."""
    return key.sign


def ecdsa_by(key: EllipticCurvePrivateKey) -> Sign:
    """ES256 under *key*."""

    def sign(signed: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signed, ECDSA(SHA256())))
        return r.to_bytes(_P256_BYTES) + s.to_bytes(_P256_BYTES)

    return sign


def unsigned(signed: bytes) -> bytes:
    """No signature at all."""
    return b""


def digest_only(signed: bytes) -> bytes:
    """A digest that needs no key."""
    return hashlib.sha256(signed).digest()
