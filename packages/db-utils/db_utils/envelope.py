"""Encryption of secrets at rest: a value can be read in its own row and column only (C15).

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce per value. The text form is
`v1.<key id>.<nonce>.<ciphertext and tag>`; the place of the value is the additional data.
"""

import base64
import binascii
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_NONCE = 12  # bytes
_KEY = 32  # bytes
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class InvalidKeys(ValueError):
    """ENCRYPTION_KEYS cannot be used; the message says why, without a key."""


class Undecipherable(Exception):
    """A value that cannot be decrypted: sealed with another key or for another place, or damaged."""


class Envelope:
    """Seals and opens texts with *keys*, "id:base64,id:base64": the first seals, all of them open.

    `current` is the beginning of every value that it seals. Raises InvalidKeys.
    """

    def __init__(self, keys: str) -> None:
        self._ciphers: dict[str, AESGCM] = {}
        for entry in filter(None, (part.strip() for part in keys.split(","))):
            name, _, text = entry.partition(":")
            if name in self._ciphers or not _KEY_ID.fullmatch(name):
                raise InvalidKeys(f"ENCRYPTION_KEYS: key id {name!r} occurs twice or is not a plain word")
            self._ciphers[name] = AESGCM(_key(name, text))
        if not self._ciphers:
            raise InvalidKeys('ENCRYPTION_KEYS is empty: set it to "k1:$(openssl rand -base64 32)"')
        self._current = next(iter(self._ciphers))
        self.current = f"{_VERSION}.{self._current}."

    def seal(self, text: str, place: str) -> str:
        """*text* sealed for *place*, "<schema>.<table>.<column>:<row id>"."""
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), place.encode())
        return ".".join((_VERSION, self._current, _encode(nonce), _encode(sealed)))

    def open(self, sealed: str, place: str) -> str:
        """The text that was sealed for *place*. Raises Undecipherable."""
        parts = sealed.split(".")
        if len(parts) != 4 or parts[0] != _VERSION or parts[1] not in self._ciphers:
            raise Undecipherable("an unknown form or key id")
        try:
            nonce, ciphertext = _decode(parts[2]), _decode(parts[3])
            return self._ciphers[parts[1]].decrypt(nonce, ciphertext, place.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise Undecipherable("not sealed with this key for this place") from None


def _key(name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY:
        raise InvalidKeys(f"ENCRYPTION_KEYS: key {name!r} is not {_KEY} bytes in base64")
    return key


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
