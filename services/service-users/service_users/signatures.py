"""Proofs of who sent a webhook (R20): an HMAC over the bytes, or a token of Kinde's.

Neither stands in for the other. `notifications.py` reads the body, only after this.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from db_utils import clock
from grpc_utils import Jwks
from grpc_utils.claims import InvalidToken
from grpc_utils.claims import read as read_token
from grpc_utils.errors import FormatInvalide, Unauthenticated, Unavailable
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from service_users.notifications import HorsFenetre, read_object
from service_users.settings import UsersSettings

SIGNATURE, TIMESTAMP = "x-kinde-signature", "x-kinde-timestamp"
_HMAC_TYPE, _TOKEN_TYPE = "application/json", "application/jwt"
_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})")
_SECONDS = re.compile(r"[0-9]{1,12}")
_TOLERANCE = 300  # seconds between the sender's clock and ours (R20)
_KEYS_AGE, _KEYS_PAUSE = 3600.0, 60.0  # seconds: fetched each hour, for an unknown key once a minute
_JWKS_PATH = "/.well-known/jwks"
_ALGORITHM = "RS256"


class SignatureInvalide(Unauthenticated):
    """La signature de la notification est absente ou fausse."""


class ClesIndisponibles(Unavailable):
    """Les clés du fournisseur d'identité sont momentanément indisponibles."""


class Verifier(Protocol):
    """Form of proof, which reads a webhook only if it is right."""

    async def verified(self, body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], float | None]:
        """Return the content of *body*, and when it was signed (Unix seconds) if that is signed too.

        Raises SignatureInvalide, FormatInvalide.
        """


class Hmac:
    """HMAC-SHA256 of the exact bytes under one of *secrets*, with a signed time where it is required."""

    def __init__(self, secrets: Sequence[bytes], *, timestamp_required: bool) -> None:
        self._secrets, self._timestamp_required = tuple(secrets), timestamp_required

    async def verified(self, body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], float | None]:
        """Verify as `Verifier` says. Raises HorsFenetre for a time that differs too much from ours."""
        stamp = headers.get(TIMESTAMP)
        signed = body if stamp is None else f"{stamp}.".encode() + body
        given = _SIGNATURE.fullmatch(headers.get(SIGNATURE, ""))
        if given is None or not self._matches(bytes.fromhex(given[1]), signed):
            raise SignatureInvalide
        if stamp is None:
            if self._timestamp_required:
                raise SignatureInvalide
            return read_object(body), None
        if not _SECONDS.fullmatch(stamp):
            raise SignatureInvalide
        if abs(clock.timestamp() - int(stamp)) > _TOLERANCE:
            raise HorsFenetre
        return read_object(body), float(stamp)

    def _matches(self, given: bytes, signed: bytes) -> bool:
        digests = [hmac.digest(secret, signed, hashlib.sha256) for secret in self._secrets]
        return any(hmac.compare_digest(given, digest) for digest in digests)


class Token:
    """JSON Web Token, RS256 only, under a key that *keys* publishes."""

    def __init__(self, keys: Jwks) -> None:
        self._keys, self._jws = keys, PyJWS(algorithms=[_ALGORITHM])

    async def verified(self, body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], float | None]:
        """Verify as `Verifier` says. Raises ClesIndisponibles when its key cannot be fetched."""
        try:
            token = body.decode("ascii").strip()
            unverified = read_token(token)
            kid = unverified.header.get("kid")
            if not isinstance(kid, str):
                raise SignatureInvalide
            self._jws.decode(token, await self._key(kid), algorithms=[_ALGORITHM])
        except (ValueError, InvalidToken, PyJWTError):
            raise SignatureInvalide from None
        if unverified.payload.get("timestamp") is None:
            raise FormatInvalide(champ="timestamp")  # without a time it could be replayed for ever (R23)
        return dict(unverified.payload), None

    async def _key(self, kid: str) -> Any:
        key = await self._keys.key(kid)
        if key is None:
            raise SignatureInvalide if self._keys.reached else ClesIndisponibles
        return key


class Signatures:
    """The forms of proof that *settings* allow, chosen by the content type alone."""

    def __init__(self, settings: UsersSettings) -> None:
        self._verifiers: dict[str, Verifier] = {
            _HMAC_TYPE: Hmac(settings.webhook_secrets, timestamp_required=settings.webhook_timestamp_required)
        }
        if settings.kinde_issuer_url:
            keys = Jwks(
                settings.kinde_issuer_url + _JWKS_PATH,
                allow_http=settings.jwks_allow_http,
                refresh_age=_KEYS_AGE,
                forced_pause=_KEYS_PAUSE,
                now=clock.timestamp,
            )
            self._verifiers[_TOKEN_TYPE] = Token(keys)

    async def verified(
        self, body: bytes, content_type: str, headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], float | None]:
        """Verify as `Verifier` says, in the form that *content_type* names."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in (_HMAC_TYPE, _TOKEN_TYPE):
            raise FormatInvalide(champ="content_type")
        verifier = self._verifiers.get(kind)
        if verifier is None:
            raise SignatureInvalide
        return await verifier.verified(body, headers)
