"""Memory of users met lately: bounded, short-lived, emptied of a person when his copy changes (S2)."""

from uuid import UUID

from db_utils import clock

from user_sync.current import UtilisateurCourant, of_copy
from user_sync.models import UtilisateurLocal

MOST = 10_000  # subjects per process (S2)


class Cache:
    """Local users by subject, each for *seconds*; the ones remembered longest make room for new ones."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[str, tuple[float, UtilisateurCourant]] = {}
        self._subjects: dict[UUID, set[str]] = {}
        self.changes = 0  # changes of copies so far, of anybody's

    def get(self, subject: str) -> UtilisateurCourant | None:
        """Return the user behind *subject*, None when he is not remembered."""
        known = self._known.get(subject)
        if known is None or clock.timestamp() >= known[0]:
            return None
        return known[1]

    def put(self, subject: str, row: UtilisateurLocal, changes: int) -> UtilisateurCourant:
        """Return the user of *row*, remembered under *subject* unless copies changed since it was read.

        *changes* is the count of changes from before the reading.
        """
        user = of_copy(row)
        if changes != self.changes:
            return user
        self._drop(subject)
        if len(self._known) >= MOST:
            self._drop(next(iter(self._known)))
        self._known[subject] = clock.timestamp() + self._seconds, user
        self._subjects.setdefault(row.id, set()).add(subject)
        return user

    def forget(self, row: UtilisateurLocal) -> None:
        """Forget the person of *row* under each of his subjects."""
        self.changes += 1
        for subject in self._subjects.pop(row.id, ()):
            self._known.pop(subject, None)

    def _drop(self, subject: str) -> None:
        known = self._known.pop(subject, None)
        if known is not None:
            identity = UUID(known[1].id)
            self._subjects[identity].discard(subject)
            if not self._subjects[identity]:
                del self._subjects[identity]
