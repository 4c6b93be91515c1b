"""Rules of guessing as functions of a row and an instant, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from grpc_utils.errors import TropDeRequetes
from service_auth import limits
from service_auth.limits import Traffic
from service_auth.models import Verrou
from service_auth.refusals import CompteVerrouille

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(text: str) -> datetime:
    """The instant mm:ss after the start; minutes may exceed an hour."""
    minutes, seconds = text.split(":")
    return START + timedelta(minutes=int(minutes), seconds=int(seconds))


def fail(verrou: Verrou, *instants: str) -> Verrou:
    """The row *verrou* after wrong passwords at *instants*."""
    for instant in instants:
        verrou = changed(verrou, limits.slot_taken(verrou, at(instant)))
    return verrou


def changed(verrou: Verrou, changes: limits.Changes) -> Verrou:
    """The row *verrou* with *changes*."""
    columns = ("email_hash", "echecs", "verrouillages_24h", "dernier_verrou", "verrouille_jusqu_a")
    return Verrou(**{name: getattr(verrou, name) for name in columns} | changes)


def nothing() -> Verrou:
    """A row without failures."""
    return Verrou(email_hash=b"")


def wait_at(verrou: Verrou, instant: str) -> int:
    """Seconds that an attempt at this instant is told to wait, 0 when it is let in."""
    try:
        limits.slot_taken(verrou, at(instant))
    except CompteVerrouille as refused:
        return int(refused.metadata["retry_after_s"])
    return 0


FIVE = ("00:00", "01:00", "02:00", "03:00", "04:00")


def test_R4_the_fifth_failure_locks_for_fifteen_minutes() -> None:
    """Five failures from 00:00 to 04:00 lock for 540 s more at 10:00, and no longer at 19:01."""
    verrou = fail(nothing(), *FIVE)
    assert [wait_at(verrou, instant) for instant in ("04:01", "10:00", "18:59", "19:01")] == [899, 540, 1, 0]


def test_R4_the_window_slides() -> None:
    """A failure at 16:30 counts with those of 02:00 and 03:00: three, and no lock."""
    verrou = fail(nothing(), "00:00", "01:00", "02:00", "03:00", "16:30")
    assert verrou.echecs == [at("02:00"), at("03:00"), at("16:30")]
    assert wait_at(verrou, "16:31") == 0


def test_R4_attempts_do_not_lengthen_a_lock() -> None:
    """An attempt during a lock changes nothing of the row."""
    verrou = fail(nothing(), *FIVE)
    before = (verrou.verrouille_jusqu_a, verrou.echecs)
    assert wait_at(verrou, "12:00") == 420
    assert (verrou.verrouille_jusqu_a, verrou.echecs) == before


def test_R4_after_a_lock_the_count_begins_again() -> None:
    """A failure after a lock is the only one that counts."""
    verrou = fail(nothing(), *FIVE, "19:01")
    assert (verrou.echecs, verrou.verrouille_jusqu_a) == ([at("19:01")], None)


def test_R4_each_further_lock_within_a_day_lasts_twice_as_long() -> None:
    """Four locks of one day last 15, 30, 60 and 60 minutes."""
    verrou, durations = nothing(), []
    for beginning in (0, 60, 120, 240):
        verrou = fail(verrou, *(f"{beginning + minute}:00" for minute in range(5)))
        assert verrou.verrouille_jusqu_a is not None
        durations.append((verrou.verrouille_jusqu_a - at(f"{beginning + 4}:00")) // timedelta(minutes=1))
    assert durations == [15, 30, 60, 60]


def test_R4_a_day_later_a_lock_lasts_fifteen_minutes_again() -> None:
    """A lock 24 hours after the last one lasts 15 minutes."""
    verrou = fail(nothing(), *FIVE)
    verrou = fail(verrou, *(f"{24 * 60 + minute}:00" for minute in range(1, 6)))
    assert verrou.verrouille_jusqu_a == at(f"{24 * 60 + 20}:00")


def test_R4_a_success_clears_the_count() -> None:
    """A success clears the failures and the lock that its own slot had completed."""
    verrou = fail(nothing(), *FIVE)
    cleared = limits.cleared(verrou)
    assert (cleared["echecs"], cleared["verrouille_jusqu_a"], cleared["verrouillages_24h"]) == ([], None, 0)


def test_R4_a_success_does_not_forget_the_locks_of_the_day() -> None:
    """A lock after a success lasts 30 minutes, when it is the second of the day."""
    verrou = fail(nothing(), *FIVE, "20:00")
    verrou = changed(verrou, limits.cleared(verrou))
    verrou = fail(verrou, "21:00", "22:00", "23:00", "24:00", "25:00")
    assert verrou.verrouille_jusqu_a == at("55:00")


def test_R6_a_slot_is_given_back() -> None:
    """A slot is given back with the lock that it had completed; the other failures stay."""
    verrou = fail(nothing(), *FIVE)
    given_back = limits.slot_given_back(verrou, at("04:00"))
    assert given_back["echecs"] == [at(instant) for instant in FIVE[:4]]
    assert (given_back["verrouille_jusqu_a"], given_back["verrouillages_24h"]) == (None, 0)


def test_R6_a_slot_that_a_success_has_cleared_is_not_given_back() -> None:
    """A slot cleared by a success meanwhile changes nothing when it is given back."""
    assert limits.slot_given_back(nothing(), at("04:00")) == {}


@pytest.mark.parametrize(
    ("traffic", "under_way", "wait"),
    [
        (Traffic(49, at("00:00"), 19, at("14:30")), 0, None),
        (Traffic(50, at("00:00"), 0, None), 0, 60),
        (Traffic(49, at("00:00"), 0, None), 1, 60),
        (Traffic(0, None, 20, at("13:30")), 0, 30),
        (Traffic(0, None, 18, at("13:30")), 2, 30),
        (Traffic(50, at("00:00"), 20, at("13:30")), 0, 60),
        (Traffic(0, None, 0, None), 20, 60),
        (Traffic(0, None, 0, None), 50, 900),
    ],
)
def test_R5_an_address_has_so_many_attempts(traffic: Traffic, under_way: int, wait: int | None) -> None:
    """Limits are 50 failures in 15 minutes and 20 attempts in one; the longer wait is told."""
    if wait is None:
        limits.check_traffic(traffic, under_way, at("14:00"))
        return
    with pytest.raises(TropDeRequetes) as refused:
        limits.check_traffic(traffic, under_way, at("14:00"))
    assert refused.value.metadata == {"retry_after_s": str(wait)}
