"""Limits on guessing, as pure functions of a row or of counts (R4–R6).

A slot is taken before a password is checked and stays when it was wrong, so that parallel
guesses cannot exceed the limit. `guard.py` reads and writes the rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from grpc_utils.errors import TropDeRequetes

from service_auth.models import Verrou
from service_auth.refusals import CompteVerrouille

WINDOW = timedelta(minutes=15)
MOST_FAILURES = 5  # of an email in the window (R4)
LOCK, LONGEST_LOCK = timedelta(minutes=15), timedelta(minutes=60)
MEMORY = timedelta(hours=24)  # within which a further lock lasts twice as long
MOST_FAILURES_OF_ADDRESS = 50  # in the window (R5)
MOST_LOGINS_OF_ADDRESS, LOGINS_WINDOW = 20, timedelta(minutes=1)

Changes = dict[str, Any]


def slot_taken(verrou: Verrou, now: datetime) -> Changes:
    """Count an attempt at *now* as a failure until its result is known. Raises CompteVerrouille."""
    until = verrou.verrouille_jusqu_a
    if until is not None and now < until:
        raise CompteVerrouille(retry_after_s=_seconds(until - now))
    # A lock lasts at least as long as the window: after it the count begins at 0 by itself.
    echecs = [*(instant for instant in verrou.echecs if instant > now - WINDOW), now]
    locked = _locked(verrou, now) if len(echecs) >= MOST_FAILURES else {"verrouille_jusqu_a": None}
    return {"echecs": echecs, **locked}


def slot_given_back(verrou: Verrou, slot: datetime) -> Changes:
    """Take back the failure counted at *slot*, and the lock that it had completed."""
    if slot not in verrou.echecs:
        return {}  # a success has cleared the count meanwhile
    echecs = [*verrou.echecs]
    echecs.remove(slot)
    return {"echecs": echecs, **_unlocked(verrou)}


def cleared(verrou: Verrou) -> Changes:
    """Forget all failures after a success; the locks of the last 24 hours still lengthen the next one."""
    return {"echecs": [], **_unlocked(verrou)}


def _locked(verrou: Verrou, now: datetime) -> Changes:
    lately = verrou.dernier_verrou is not None and now - verrou.dernier_verrou < MEMORY
    count = verrou.verrouillages_24h + 1 if lately else 1
    duration = min(LOCK * 2 ** min(count - 1, 2), LONGEST_LOCK)
    return {"verrouillages_24h": count, "dernier_verrou": now, "verrouille_jusqu_a": now + duration}


def _unlocked(verrou: Verrou) -> Changes:
    """Take back the lock. Only an attempt that was let in before the lock began can come here."""
    if verrou.verrouille_jusqu_a is None:
        return {}
    count = verrou.verrouillages_24h - 1
    return {
        "verrouillages_24h": count,
        "dernier_verrou": verrou.dernier_verrou if count else None,
        "verrouille_jusqu_a": None,
    }


@dataclass(frozen=True, slots=True)
class Traffic:
    """Attempts of an address: *failures* within 15 minutes, *logins* within one, the oldest of each."""

    failures: int
    oldest_failure: datetime | None
    logins: int
    oldest_login: datetime | None


def check_traffic(traffic: Traffic, under_way: int, now: datetime) -> None:
    """Refuse a further attempt of an address with *under_way* others. Raises TropDeRequetes."""
    waits = []
    if traffic.failures + under_way >= MOST_FAILURES_OF_ADDRESS:
        waits.append((traffic.oldest_failure or now) + WINDOW - now)
    if traffic.logins + under_way >= MOST_LOGINS_OF_ADDRESS:
        waits.append((traffic.oldest_login or now) + LOGINS_WINDOW - now)
    if waits:
        raise TropDeRequetes(retry_after_s=_seconds(max(waits)))


def _seconds(duration: timedelta) -> str:
    return str(max(1, ceil(duration.total_seconds())))
