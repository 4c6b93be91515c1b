"""Rows that are work: taken once, with their attempt counted first."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from db_utils import Database, clock, due_rows, take_due
from sqlalchemy import bindparam
from tests.essais import Travail

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WAITS = (30 * SECOND, 60 * SECOND)
_mine = Travail.organisation_id == bindparam("org", type_=Travail.organisation_id.type)
DUE = due_rows(Travail, _mine, limit=2)


async def owed(database: Database, org: str, *instants: datetime | None) -> list[Travail]:
    """Work of *org* that is due at *instants*."""
    async with database.transaction() as tx:
        return [await tx.insert(Travail(organisation_id=org, prochain_essai=at)) for at in instants]


async def taken(database: Database, org: str, at: datetime = NOON) -> list[Travail]:
    """What is taken at *at*."""
    with clock.frozen_at(at):
        async with database.transaction() as tx:
            return await take_due(tx, DUE, WAITS, changes={"note": "pris"}, org=org)


async def test_the_longest_due_are_taken_first(database: Database, org: str) -> None:
    """Up to the limit; what is due later, or never, is left."""
    rows = await owed(database, org, NOON, NOON - SECOND, NOON - 2 * SECOND, NOON + SECOND, None)
    assert [row.id for row in await taken(database, org)] == [rows[2].id, rows[1].id]
    assert [row.id for row in await taken(database, org)] == [rows[0].id]
    assert await taken(database, org) == []


async def test_an_attempt_is_counted_before_it_is_made(database: Database, org: str) -> None:
    """Whoever dies with it leaves a row that is due again after its wait, the last one for ever."""
    await owed(database, org, NOON)
    at = NOON
    for number, wait in enumerate((*WAITS, WAITS[-1]), start=1):
        (row,) = await taken(database, org, at)
        assert (row.tentatives, row.prochain_essai, row.note) == (number, at + wait, "pris")
        assert await taken(database, org, at + wait - SECOND) == []
        at += wait


async def test_of_two_that_take_at_once_each_has_rows_of_its_own(database: Database, org: str) -> None:
    """Neither waits for the other."""
    await owed(database, org, *[NOON] * 4)
    both, found = asyncio.Barrier(2), []

    async def take() -> None:
        with clock.frozen_at(NOON):
            async with database.transaction() as tx:
                found.extend(await take_due(tx, DUE, WAITS, org=org))
                await both.wait()

    await asyncio.gather(take(), take())
    assert len({row.id for row in found}) == 4


async def test_what_is_undone_was_not_taken(database: Database, org: str, owner: psycopg.Connection) -> None:
    """The attempt counts with the commit."""
    await owed(database, org, NOON)
    with pytest.raises(ZeroDivisionError), clock.frozen_at(NOON):
        async with database.transaction() as tx:
            await take_due(tx, DUE, WAITS, org=org)
            raise ZeroDivisionError
    counted = owner.execute("SELECT tentatives FROM travaux WHERE organisation_id = %s", (org,))
    assert counted.fetchall() == [(0,)]
