"""Tokens that were good and are not any more, as far as this process has been told.

Who tells it is decided elsewhere (`service_kit.revocations`); here is the memory that the
interceptor asks on each call, also for tokens it has verified before.
"""

from db_utils import clock

from grpc_utils.claims import LEEWAY
from grpc_utils.identity import Identity

_SMALLEST_SWEEP = 1000  # entries


class Revocations:
    """Revoked tokens by id, and users whose tokens issued before an instant are void."""

    def __init__(self) -> None:
        self._tokens: dict[str, float] = {}
        self._users: dict[str, tuple[float, float]] = {}
        self._sweep_at = _SMALLEST_SWEEP

    def revoke_token(self, token_id: str, expires_at: float) -> None:
        """Refuse the token with this jti; forgotten after *expires_at* (Unix seconds)."""
        self._tokens[token_id] = expires_at
        self._sweep()

    def revoke_user(self, user_id: str, before: float, expires_at: float) -> None:
        """Refuse the tokens of *user_id* issued before *before*; the latest instant counts."""
        known, until = self._users.get(user_id, (before, expires_at))
        self._users[user_id] = max(known, before), max(until, expires_at)
        self._sweep()

    def concern(self, identity: Identity) -> bool:
        """Whether the token behind *identity* is revoked."""
        if identity.token_id in self._tokens:
            return True
        before, _ = self._users.get(identity.subject, (0.0, 0.0))
        return identity.issued_at < before

    def _sweep(self) -> None:
        """Drop what has expired, each time the memory has doubled."""
        if len(self._tokens) + len(self._users) < self._sweep_at:
            return
        now = clock.timestamp() - LEEWAY
        self._tokens = {key: until for key, until in self._tokens.items() if until > now}
        self._users = {key: entry for key, entry in self._users.items() if entry[1] > now}
        self._sweep_at = max(_SMALLEST_SWEEP, 2 * (len(self._tokens) + len(self._users)))
