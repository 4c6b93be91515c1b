"""Days of presentations with the real calendar: the worked dates of the rules (R5, R6, R7, R11)."""

from typing import Any

import pytest
from tests.bureau import Bureau, at, days_of

# J, then for each attempt its day and its remise, and a day on which its debit comes back in time.
_WORKED = [
    ("2026-02-09", ("02-16", "02-12"), ("02-19", "02-17"), ("03-02", "02-26")),
    ("2026-03-09", ("03-16", "03-12"), ("03-19", "03-17"), ("03-30", "03-26")),
    ("2026-04-01", ("04-07", "04-01"), ("04-13", "04-09"), ("04-21", "04-17")),
    ("2026-04-28", ("05-04", "04-29"), ("05-11", "05-06"), ("05-18", "05-13")),
    ("2026-07-09", ("07-15", "07-10"), ("07-20", "07-16"), ("07-29", "07-27")),
    ("2026-12-21", ("12-28", "12-23"), ("12-31", "12-29"), ("2027-01-11", "2027-01-07")),
]


def _of_2026(day: str) -> str:
    return day if len(day) == len("2026-01-01") else f"2026-{day}"


@pytest.mark.parametrize("line", _WORKED)
async def test_R5_attempts_fall_on_eligible_days(bureau: Bureau, line: tuple[Any, ...]) -> None:
    """Each attempt comes back on the day of its remise, so that only the delays decide (R6)."""
    jour, *days = line
    expected = [(_of_2026(day), _of_2026(remise)) for day, remise in days]
    payment = bureau.payment()
    await bureau.reject(payment, jour, when=at(jour, 8))
    for _, remise in expected[:-1]:
        debit = await bureau.submitted(payment, remise)
        await bureau.reject(debit, remise, when=at(remise, 10, 30))
    told = [day[1:3] for day in days_of(await bureau.schedule(payment))]
    assert told == expected
