"""Identifiers that sort by time, and the clock that tests can stop."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Event, Thread

import pytest
from db_utils import clock, parse_uuid, uuid7
from hypothesis import given
from hypothesis import strategies as st

FAR = datetime(2100, 1, 1, tzinfo=UTC)


def test_an_id_has_the_fields_of_rfc_9562() -> None:
    """Version 7, variant 10, and the current milliseconds."""
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after + 1


def test_ids_of_a_process_rise() -> None:
    """As numbers, texts and bytes, also within a millisecond."""
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)
    assert len(set(made)) == len(made)


def test_ids_keep_to_the_time() -> None:
    """The counter runs ahead of the clock only when a millisecond has no number left."""
    for _ in range(20_000):
        uuid7()
    ahead = (uuid7().int >> 80) - time.time_ns() // 1_000_000
    assert ahead <= 20_000 // 4096 + 1


def test_the_random_part_is_random() -> None:
    """Of 62 bits, none is equal in a thousand ids."""
    made = [uuid7().int & (2**62 - 1) for _ in range(1000)]
    always = never = 2**62 - 1
    for one in made:
        always &= one
        never &= ~one
    assert (always, never) == (0, 0)


def test_ids_of_threads_are_unique_and_rise_in_each() -> None:
    """Threads share one counter and its lock."""
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [uuid7() for _ in range(2000)], range(8)))
    assert all(one == sorted(one) for one in made)
    assert len({one for part in made for one in part}) == 16_000


def _in_child(number: int) -> list[uuid.UUID]:
    """So many ids of a forked process, which ends at once."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(uuid7().bytes for _ in range(number)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        raw = pipe.read()
    os.waitpid(child, 0)
    return [uuid.UUID(bytes=raw[start : start + 16]) for start in range(0, len(raw), 16)]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_ids_of_forked_processes_are_unique() -> None:
    """Children that start with the same counter have other random bits."""
    made = [*_in_child(500), *_in_child(500), *(uuid7() for _ in range(500))]
    assert len(set(made)) == 1500


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_makes_ids_though_it_was_forked_while_another_thread_made_one() -> None:
    """The lock that a thread of the parent held is free in the child."""
    done = Event()

    def make() -> None:
        while not done.is_set():
            uuid7()

    thread = Thread(target=make)
    thread.start()
    try:
        assert all(len(_in_child(1)) == 1 for _ in range(50))
    finally:
        done.set()
        thread.join()


@given(st.uuids())
def test_the_text_of_an_id_is_read_in_any_case(one: uuid.UUID) -> None:
    """Only the canonical form with hyphens is read."""
    assert parse_uuid(str(one)) == parse_uuid(str(one).upper()) == one
    for other in (one.hex, f"{{{one}}}", one.urn, f" {one}", f"{one}\n", str(one)[:-1], str(one)[1:]):
        assert parse_uuid(other) is None


@given(st.text())
def test_any_other_text_is_no_id(text: str) -> None:
    """The result is None and never an exception."""
    assert parse_uuid(text) is None or str(parse_uuid(text)) == text.lower()


def test_the_clock_is_utc() -> None:
    """With its time zone."""
    before, read, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
    assert before <= read <= after
    assert read.tzinfo is UTC


def test_a_frozen_clock_stands_for_everybody_and_runs_again() -> None:
    """In all threads; nested blocks end one by one, also after an exception."""
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    with clock.frozen_at(first):
        with pytest.raises(ZeroDivisionError), clock.frozen_at(second):
            assert (clock.now(), clock.timestamp()) == (second, second.timestamp())
            raise ZeroDivisionError
        assert clock.now() == first
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(clock.now).result() == first
    assert clock.now() > datetime(2026, 1, 2, tzinfo=UTC) or clock.now() != first


def test_a_clock_frozen_by_two_at_once_runs_again() -> None:
    """The block that began first may end first."""
    first, second = clock.frozen_at(datetime(2026, 1, 1, tzinfo=UTC)), clock.frozen_at(FAR)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert clock.now() == FAR
    second.__exit__(None, None, None)
    assert clock.now() < FAR


def test_a_clock_may_be_frozen_twice_at_one_instant() -> None:
    """Each block ends alone: the instant of the block between them counts again."""
    same = datetime(2026, 1, 1, tzinfo=UTC)
    with clock.frozen_at(same), clock.frozen_at(FAR):
        with clock.frozen_at(same):
            assert clock.now() == same
        assert clock.now() == FAR


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 1, 31, 22, 59, 59, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 1, 31, 23, 0, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2026, 7, 31, 21, 59, 59, tzinfo=UTC), date(2026, 7, 31)),
        (datetime(2026, 7, 31, 22, 0, tzinfo=UTC), date(2026, 8, 1)),
    ],
)
def test_C03_today_begins_at_midnight_in_paris(instant: datetime, day: date) -> None:
    """One hour before midnight UTC in winter, two in summer."""
    with clock.frozen_at(instant):
        assert clock.today() == day


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        (date(2026, 4, 1), datetime(2026, 3, 31, 22, tzinfo=UTC)),
        (date(2026, 1, 1), datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 10, 26), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_C03_a_day_begins_in_paris(day: date, instant: datetime) -> None:
    """At 22:00 UTC in summer and at 23:00 UTC in winter."""
    assert clock.midnight(day).astimezone(UTC) == instant
