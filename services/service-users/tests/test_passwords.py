"""Hashes and the work that a refusal costs: processor time, which other processes do not stretch."""

import asyncio
import time

import pytest
from service_users.passwords import Passwords

COST = 9
GUESS = "pas celui-là"


async def work(passwords: Passwords, stored: str | None) -> float:
    """Return the seconds of processor time that refusing a guess takes: the least of three."""
    tries = []
    for _ in range(3):
        started = time.process_time()
        verdict = await passwords.check(GUESS, stored)
        tries.append(time.process_time() - started)
        assert not verdict.matches
    return min(tries)


@pytest.mark.parametrize("cost", [None, COST - 3])
async def test_R7_every_refusal_costs_the_same_work(cost: int | None) -> None:
    """A refusal without a hash, or against a weaker one, costs as much as against one of today's cost."""
    passwords = Passwords(COST)
    usual = await work(passwords, (await passwords.hash("le bon")).hash)
    stored = None if cost is None else (await Passwords(cost).hash("le bon")).hash
    assert 0.5 < await work(passwords, stored) / usual < 2


async def test_R6_a_hash_leaves_the_loop_to_others() -> None:
    """Hashing runs in a thread: the loop turns many times meanwhile."""
    hashing, turns = asyncio.create_task(Passwords(10).hash("une phrase")), 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 50


async def test_R6_a_hash_of_a_lower_cost_is_outdated() -> None:
    """A hash is outdated below today's cost only."""
    verdicts = {}
    for cost in (4, 5, 6):
        hashed = await Passwords(cost).hash("le bon")
        verdicts[cost] = (await Passwords(5).check("le bon", hashed.hash)).outdated
    assert verdicts == {4: True, 5: False, 6: False}


async def test_R6_a_random_password_differs_each_time() -> None:
    """Two random passwords differ, and are marked as told to nobody."""
    passwords = Passwords(4)
    first, second = await passwords.random(), await passwords.random()
    assert first.aleatoire
    assert first.hash != second.hash
