"""The memory of users met lately (S2)."""

from datetime import UTC, datetime, timedelta

import pytest
from db_utils import clock
from user_sync import cache as module
from user_sync.cache import Cache
from user_sync.models import SECOURS, UtilisateurLocal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def person(subject: str) -> UtilisateurLocal:
    """Build the copy of somebody seen under *subject*."""
    return UtilisateurLocal(
        organisation_id="org-1",
        auth0_id=subject,
        first_name="User",
        role="VIEWER",
        origine=SECOURS,
        last_login_at=NOON,
    )


def test_S2_a_user_is_remembered_for_a_while() -> None:
    """A user is remembered for the seconds that the settings give, and not a moment longer."""
    cache, row = Cache(60), person("a")
    with clock.frozen_at(NOON):
        assert cache.put("a", row, 0).id == str(row.id)
    with clock.frozen_at(NOON + timedelta(seconds=59)):
        assert cache.get("a") is not None
        assert cache.get("b") is None
    with clock.frozen_at(NOON + timedelta(seconds=60)):
        assert cache.get("a") is None


def test_S2_a_change_makes_all_names_of_a_user_forgotten() -> None:
    """A change forgets the person under each subject; others stay."""
    cache, row, other = Cache(60), person("a"), person("z")
    for subject in ("a", "b"):
        cache.put(subject, row, 0)
    cache.put("z", other, 0)
    cache.forget(row)
    cache.forget(row)
    assert [cache.get(subject) for subject in ("a", "b")] == [None, None]
    assert cache.get("z") is not None


def test_S2_what_was_read_before_a_change_is_not_remembered() -> None:
    """A copy that was read before a change may be outdated, and is not remembered."""
    cache, row = Cache(60), person("a")
    before = cache.changes
    cache.forget(row)
    assert cache.put("a", row, before).id == str(row.id)
    assert cache.get("a") is None
    cache.put("a", row, cache.changes)
    assert cache.get("a") is not None


def test_S2_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user remembered longest makes room, and nothing is left of him."""
    monkeypatch.setattr(module, "MOST", 3)
    cache, rows = Cache(60), {subject: person(subject) for subject in "abcd"}
    for subject in "abcad":
        cache.put(subject, rows[subject], 0)
    assert [subject for subject in "abcd" if cache.get(subject)] == ["a", "c", "d"]
    cache.forget(rows["b"])
    assert len([subject for subject in "abcd" if cache.get(subject)]) == 3


def test_S2_the_memory_holds_ten_thousand() -> None:
    """The memory holds ten thousand subjects per process."""
    assert module.MOST == 10_000
