"""Units of work that are run again after conflicts with other writers, a bounded number of times."""

import asyncio

import pytest
from db_utils import (
    Conflict,
    Database,
    LastingConflict,
    SerializationConflict,
    StalePlan,
    VersionConflict,
    retried,
)
from tests.essais import Fiche, fiche


class Work:
    """A unit of work that raises each of *errors* in turn, then returns the number of its runs."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.runs = [*errors], 0

    async def __call__(self) -> int:
        """Run once."""
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.runs


@pytest.mark.parametrize("failures", [0, 1, 3])
async def test_C12_a_serialization_conflict_is_retried_three_times(failures: int) -> None:
    """The result is that of the first attempt that succeeds."""
    assert await retried(Work(*(SerializationConflict() for _ in range(failures)))) == failures + 1


async def test_C12_a_conflict_that_stays_is_reported_after_four_attempts() -> None:
    """LastingConflict has the last error as its cause."""
    work = Work(*(StalePlan(str(number)) for number in range(5)))
    with pytest.raises(LastingConflict, match="3") as lasting:
        await retried(work)
    assert (work.runs, type(lasting.value.__cause__)) == (4, StalePlan)


async def test_further_errors_are_retried_where_the_caller_names_them() -> None:
    """Two writers of one row may get a Conflict or a VersionConflict."""
    errors = Conflict("uq_x"), VersionConflict(), SerializationConflict()
    assert await retried(Work(*errors), Conflict, VersionConflict) == 4


@pytest.mark.parametrize("error", [Conflict("uq_x"), LookupError()])
async def test_other_errors_leave_at_once(error: Exception) -> None:
    """Also a Conflict, unless the caller names it."""
    work = Work(error)
    with pytest.raises(type(error)):
        await retried(work, VersionConflict)
    assert work.runs == 1


async def test_nested_retries_do_not_multiply() -> None:
    """The outer one does not repeat what the inner one has given up."""
    work = Work(*(SerializationConflict() for _ in range(16)))

    async def outer() -> int:
        return await retried(work)

    with pytest.raises(LastingConflict):
        await retried(outer)
    assert work.runs == 4


async def test_writers_in_a_deadlock_all_succeed(database: Database, org: str) -> None:
    """The second attempt reads what the other transaction has committed."""
    async with database.transaction() as tx:
        rows = [await tx.insert(fiche(org)) for _ in range(2)]
    both_hold_one = asyncio.Barrier(2)

    async def count_up(first: Fiche, second: Fiche) -> None:
        first_try = True

        async def work() -> None:
            nonlocal first_try
            async with database.transaction() as tx:
                for row in (first, second):
                    mine = await tx.get(Fiche, row.id, lock=True)
                    assert mine is not None
                    await tx.update(mine, rang=mine.rang + 1)
                    if first_try and row is first:
                        first_try = False
                        await both_hold_one.wait()

        await retried(work)

    await asyncio.gather(count_up(*rows), count_up(*reversed(rows)))
    found = [await database.read().get(Fiche, row.id) for row in rows]
    assert [row and row.rang for row in found] == [2, 2]
