"""Memory of the revoked tokens that this process has been told of (C5).

`service_kit.revocations` fills it. The pipeline asks it on each call, also for tokens that were
verified before.
"""

from db_utils import clock

from grpc_utils.claims import LEEWAY
from grpc_utils.identity import Identity

_SMALLEST_SWEEP = 1000  # entries; with fewer there is nothing to gain
_NEVER = (0.0, 0.0)


class Revocations:
    """Revoked tokens by their id, and users whose tokens issued before an instant are void.

    An entry of a user ends tokens of *own_issuer*, our auth service, only: the same subject at
    another issuer is another person.
    """

    def __init__(self, own_issuer: str | None) -> None:
        self._own_issuer = own_issuer
        self._tokens: dict[str, float] = {}
        self._users: dict[tuple[str, str], tuple[float, float]] = {}
        self._sweep_at = _SMALLEST_SWEEP

    def __len__(self) -> int:
        return len(self._tokens) + len(self._users)

    def revoke_token(self, token_id: str, expires_at: float) -> None:
        """Refuse the token whose `jti` is *token_id*; forget it after *expires_at* (Unix seconds)."""
        self._tokens[token_id] = expires_at
        self._sweep()

    def revoke_user(self, user_id: str, before: float, expires_at: float, organisation_id: str = "") -> None:
        """Refuse our tokens of *user_id* issued before *before*, with *organisation_id* those that name it.

        All instants are Unix seconds. Of several calls for one user the latest *before* counts, in
        whatever order they come; the entry is forgotten after *expires_at*.
        """
        key = user_id, organisation_id
        known, until = self._users.get(key, (before, expires_at))
        self._users[key] = max(known, before), max(until, expires_at)
        self._sweep()

    def concern(self, identity: Identity) -> bool:
        """Whether the token behind *identity* is revoked."""
        if identity.token_id in self._tokens:
            return True
        if identity.issuer != self._own_issuer:
            return False
        return self._void(identity, "") or self._void(identity, identity.organisation_id or "")

    def _void(self, identity: Identity, organisation_id: str) -> bool:
        before, _ = self._users.get((identity.subject, organisation_id), _NEVER)
        return identity.issued_at < before

    def _sweep(self) -> None:
        """Drop the entries that have expired, each time the memory has doubled since the last sweep."""
        if len(self) < self._sweep_at:
            return
        now = clock.timestamp() - LEEWAY  # tokens are accepted that long after their exp
        self._tokens = {key: until for key, until in self._tokens.items() if until > now}
        self._users = {key: entry for key, entry in self._users.items() if entry[1] > now}
        self._sweep_at = max(_SMALLEST_SWEEP, 2 * len(self))
