"""Password hashes (bcrypt, in a worker thread), and the equal cost of every refusal.

A refusal costs one hash of the configured cost, whatever was wrong (R7).
"""

import asyncio
import secrets
from dataclasses import dataclass

import bcrypt

from service_users.rules import LONGEST_PASSWORD

_RANDOM = 32  # bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on a password: whether it matches its hash, and whether that hash costs less than today's."""

    matches: bool
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Hashed:
    """A hash to be stored; *aleatoire* marks that of a password that nobody is told."""

    hash: str
    aleatoire: bool = False


class Passwords:
    """Maker and checker of bcrypt hashes of *cost* (2 to that power rounds)."""

    def __init__(self, cost: int) -> None:
        self._cost = cost
        # The hash of no known password, well-formed: checking it takes as long as checking a real one.
        self._dummy = f"$2b${cost:02d}${'.' * 53}"

    async def hash(self, password: str) -> Hashed:
        """Return the hash of *password*, which has at most 72 bytes."""
        return Hashed(await asyncio.to_thread(self._hash, password.encode()))

    async def random(self) -> Hashed:
        """Return the hash of a password of 256 random bits that nobody is told (R6)."""
        hashed = await self.hash(secrets.token_urlsafe(_RANDOM))
        return Hashed(hashed.hash, aleatoire=True)

    async def check(self, password: str, stored: str | None) -> Verdict:
        """Check *password* against the hash *stored*; None, for no hash, takes as long."""
        return await asyncio.to_thread(self._check, password.encode(), stored)

    def _hash(self, password: bytes) -> str:
        return bcrypt.hashpw(password, bcrypt.gensalt(self._cost)).decode()

    def _check(self, password: bytes, stored: str | None) -> Verdict:
        hashed = stored or self._dummy
        same = bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed.encode())
        cost = int(hashed.split("$")[2])
        if same and stored and len(password) <= LONGEST_PASSWORD:
            return Verdict(True, outdated=cost < self._cost)
        self._catch_up(password[:LONGEST_PASSWORD], cost)
        return Verdict(False)

    def _catch_up(self, password: bytes, cost: int) -> None:
        """Do the work missing to one hash of today's cost: 2^c + 2^c + … + 2^(n-1) = 2^n rounds."""
        for missing in range(cost, self._cost):
            bcrypt.hashpw(password, bcrypt.gensalt(missing))
