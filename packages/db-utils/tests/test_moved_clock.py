"""A clock that is moved in all processes that follow one file."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from db_utils import clock

YEAR = timedelta(days=365)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that this process follows until the test ends."""
    monkeypatch.setattr(clock, "_followed", None)
    clock.follow(tmp_path / "clock")
    return tmp_path / "clock"


def test_a_file_that_nobody_has_written_moves_nothing(file: Path) -> None:
    """It is made with nothing in it."""
    assert (clock.moved_by(), file.stat().st_size) == (timedelta(), 8)
    assert abs(clock.now() - datetime.now(UTC)) < MINUTE


def test_the_clock_goes_on_from_where_it_was_moved(file: Path) -> None:
    """Instant, civil day and seconds alike; the world outside stays where it is."""
    clock.move(-YEAR)
    assert abs(clock.now() + YEAR - datetime.now(UTC)) < MINUTE
    assert abs(clock.timestamp() + YEAR.total_seconds() - time.time()) < 60
    assert abs(clock.machine() - time.time()) < 60
    assert clock.today() in {(datetime.now(clock.PARIS) - YEAR + step).date() for step in (-MINUTE, MINUTE)}
    before = clock.now()
    assert clock.now() >= before


def test_another_process_sees_the_move(file: Path) -> None:
    """Without being told."""
    child = os.fork()
    if child == 0:
        clock.move(YEAR)
        os._exit(0)
    os.waitpid(child, 0)
    assert clock.moved_by() == YEAR


def test_the_move_lasts(file: Path) -> None:
    """For who follows the file later, too."""
    clock.move(YEAR)
    clock.follow(file)
    assert clock.moved_by() == YEAR


def test_a_frozen_clock_is_not_moved(file: Path) -> None:
    """A test that stops the clock decides alone."""
    instant = datetime(2026, 1, 1, tzinfo=UTC)
    clock.move(YEAR)
    with clock.frozen_at(instant):
        assert (clock.now(), clock.machine()) == (instant, instant.timestamp())
