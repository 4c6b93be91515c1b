"""States of connections under way, written, signed and read (R3, R4); pure functions."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

LIFETIME = timedelta(minutes=10)
NONCE = 16  # bytes
_VERSION = 1
_CLOCK_DIFFERENCE = timedelta(seconds=60)


class StateRefused(Exception):
    """A state that is not accepted; *cause* is for the audit alone.

    *user_id* is known when the signature was ours.
    """

    def __init__(self, cause: str, user_id: str | None = None) -> None:
        super().__init__(cause)
        self.cause, self.user_id = cause, user_id


@dataclass(frozen=True, slots=True)
class State:
    """The content of a state: the user, the provider and the beginning; *nonce* makes it unique."""

    user_id: str
    provider: str
    begun_at: datetime
    nonce: bytes

    @property
    def nonce_hash(self) -> bytes:
        """The hash under which the table knows the nonce."""
        return hashlib.sha256(self.nonce).digest()


class StateSigner:
    """A writer and reader of states signed with *secret*."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def written(self, state: State) -> str:
        """The text of *state*, signed, as it travels with the browser."""
        milliseconds = round(state.begun_at.timestamp() * 1000)
        content = {
            "v": _VERSION,
            "u": state.user_id,
            "p": state.provider,
            "t": milliseconds,
            "n": _encode(state.nonce),
        }
        payload = _encode(orjson.dumps(content))
        return f"{payload}.{self._signature(payload)}"

    def read(self, text: str, provider: str, now: datetime) -> State:
        """Read *text*, which has come back from *provider*, in the order of R4. Raises StateRefused."""
        parts = text.split(".")
        if len(parts) != 2:
            raise StateRefused("malformed")
        payload, signature = parts
        if not hmac.compare_digest(self._signature(payload).encode(), signature.encode()):
            raise StateRefused("bad signature")
        content: dict[str, Any] = orjson.loads(_decode(payload))
        user_id = str(content.get("u"))
        if content.get("v") != _VERSION:
            raise StateRefused("unknown version", user_id)
        if content["p"] != provider:
            raise StateRefused("another provider", user_id)
        begun_at = datetime.fromtimestamp(content["t"] / 1000, UTC)
        if begun_at - now > _CLOCK_DIFFERENCE:
            raise StateRefused("from the future", user_id)
        if now - begun_at > LIFETIME:
            raise StateRefused("expired", user_id)
        return State(user_id, provider, begun_at, _decode(content["n"]))

    def _signature(self, payload: str) -> str:
        return _encode(hmac.digest(self._secret, payload.encode(), hashlib.sha256))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise StateRefused("malformed") from None
