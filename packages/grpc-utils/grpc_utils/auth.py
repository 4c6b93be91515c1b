"""Authentication of one call by its metadata (C5). `pipeline.py` asks it before anything else."""

import logging
import re
from collections.abc import Sequence

from grpc_utils.claims import ExpiredToken, InvalidToken, LongToken
from grpc_utils.errors import Unauthenticated
from grpc_utils.identity import ANONYMOUS, Identity
from grpc_utils.revocation import Revocations
from grpc_utils.verifier import TokenVerifier

_log = logging.getLogger(__name__)
_BEARER = re.compile(r"(?i:bearer) ([A-Za-z0-9_.-]+)")  # RFC 9110, section 11.1: the scheme in any case

# Paths that need no token (C5). They are compared as a whole: a prefix would exempt their neighbours.
HEALTH = "/grpc.health.v1.Health/"
EXEMPT = frozenset({f"{HEALTH}Check", f"{HEALTH}Watch"})


class JetonManquant(Unauthenticated):
    """Un jeton est requis : métadonnée « authorization », valeur « Bearer <jeton> »."""


class JetonInvalide(Unauthenticated):
    """Le jeton est invalide."""


class JetonExpire(Unauthenticated):
    """Le jeton a expiré."""


class JetonTropLong(Unauthenticated):
    """Le jeton dépasse 8 192 octets, la taille maximale."""


class JetonRevoque(Unauthenticated):
    """Le jeton a été révoqué ; reconnectez-vous."""


class Authenticator:
    """Turns the metadata of a call into an identity; without a verifier every caller is anonymous.

    *own_issuer* is the `iss` of our auth service: revocations of a user end its tokens only.
    """

    def __init__(self, verifier: TokenVerifier | None, own_issuer: str | None = None) -> None:
        self._verifier = verifier
        self.revocations = Revocations(own_issuer)

    async def identify(self, authorization: Sequence[str | bytes]) -> Identity:
        """Return the caller whom the values of `authorization` prove.

        Raises JetonManquant, JetonInvalide, JetonExpire, JetonTropLong, JetonRevoque, nothing else.
        """
        if self._verifier is None:
            return ANONYMOUS
        token = bearer_of(authorization)
        identity = self._verifier.remembered.get(token) or await _verified(self._verifier, token)
        if self.revocations.concern(identity):
            raise JetonRevoque
        return identity


async def _verified(verifier: TokenVerifier, token: str) -> Identity:
    """The identity that *token* proves, revoked or not."""
    try:
        return await verifier.verify(token)
    except ExpiredToken:
        raise JetonExpire from None
    except LongToken:
        raise JetonTropLong from None
    except InvalidToken as error:
        _log.info("token refused: %s", error)
        raise JetonInvalide from None


def bearer_of(values: Sequence[str | bytes]) -> str:
    """Return the token in the *values* of `authorization`. Raises JetonManquant, JetonInvalide."""
    if not values:
        raise JetonManquant
    # Of two values a proxy in front might check the one and we the other: neither is taken.
    if len(values) > 1 or not isinstance(values[0], str):
        raise JetonInvalide
    match = _BEARER.fullmatch(values[0])
    if match is None:
        raise JetonInvalide
    return match[1]
