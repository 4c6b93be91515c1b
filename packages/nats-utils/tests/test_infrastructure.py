"""Failures of the infrastructure count as no attempt, and every event has its effect afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import psycopg
import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, SerializationConflict, Transaction
from nats_utils import Bus, RetryPolicy, Subscription
from service_testing import eventually
from sqlalchemy import func, select
from tests.observing import (
    allow_connections,
    at_rest,
    attempts,
    consuming,
    dead_letters,
    effects,
    effects_of,
    end_sessions,
    event,
    letters,
    put,
)

from tests.temoin.service import SUBSCRIPTION
from tests.temoin.subscribers import count_event


class PeerAway(Exception):
    """The error of a look-up at a silent peer."""


async def no_transaction(one: ClientCreatedEvent, tx: Transaction, found: object) -> None:
    """The handler of subscriptions with a look-up."""
    await count_event(one, tx)


def looking_up(lookup: Callable[[ClientCreatedEvent, object], Awaitable[object]]) -> Subscription:
    """A subscription with *lookup*."""
    retry_policy = RetryPolicy(waits=(0.01,) * 4, handler=0.3)
    return replace(SUBSCRIPTION, handler=no_transaction, lookup=lookup, retry_policy=retry_policy)


def end_session(database: Database, pid: object) -> None:
    """End the session *pid*."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


async def test_a_session_lost_in_a_handler_is_no_attempt(bus: Bus, database: Database) -> None:
    """Neither in a batch nor for a message that was delivered before."""
    lost = 0

    async def lose_session(one: ClientCreatedEvent, tx: Transaction) -> None:
        nonlocal lost
        if lost < 3:
            lost += 1
            end_session(database, await tx.one(select(func.pg_backend_pid())))
        await count_event(one, tx)

    ids = await put(bus.js, *(event() for _ in range(20)))
    async with consuming(bus, database, replace(SUBSCRIPTION, handler=lose_session)):
        assert await effects_of(database, 20) == ids
        await at_rest(bus.js)
    assert (lost, await attempts(database), await letters(database)) == (3, [], [])


async def test_a_database_away_longer_than_all_retries_loses_nothing(
    bus: Bus, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The consumer waits; afterwards everything is done once and nothing is dead."""
    poison = event("exception")
    subscription = replace(SUBSCRIPTION, retry_policy=RetryPolicy(waits=(0.01,) * 4, handler=1.0))
    async with consuming(bus, database, subscription):
        ids = await put(bus.js, *(event() for _ in range(10)))
        await effects_of(database, 10)
        allow_connections(database, False)
        end_sessions(database)
        ids += await put(bus.js, *(event() for _ in range(10)), poison, *(event() for _ in range(10)))
        with caplog.at_level(logging.WARNING, "nats_utils.subscriber"):
            await eventually(lambda: caplog.text.count("client-created waits") >= 3, timeout=40)
        allow_connections(database, True)
        await dead_letters(database, 1)
        await at_rest(bus.js)
    ids.remove(poison.event_id)
    assert sorted(await effects(database)) == ids
    assert [letter.attempts for letter in await letters(database)] == [5]


async def test_a_look_up_at_a_silent_peer_is_no_attempt(bus: Bus, database: Database) -> None:
    """However often it is tried; the batch waits for the peer."""
    asked = 0

    async def away(one: ClientCreatedEvent, app: object) -> None:
        nonlocal asked
        asked += 1
        if asked <= 20:
            raise PeerAway

    ids = await put(bus.js, *(event() for _ in range(10)))
    async with consuming(bus, database, looking_up(away), (PeerAway,)):
        assert sorted(await effects_of(database, 10)) == ids
        await at_rest(bus.js)
    assert (await attempts(database), await letters(database)) == ([], [])


async def test_an_attempt_that_the_infrastructure_ends_is_taken_back(bus: Bus, database: Database) -> None:
    """A message that failed before, then met a silent peer ten times, has its five failures all the same."""
    failures = asked = 0

    async def away_in_between(one: ClientCreatedEvent, app: object) -> None:
        nonlocal asked
        asked += 1
        if asked % 2 == 0:
            raise PeerAway

    async def fail(one: ClientCreatedEvent, tx: Transaction, found: object) -> None:
        nonlocal failures
        failures += 1
        raise ValueError

    await put(bus.js, event())
    subscription = replace(looking_up(away_in_between), handler=fail)
    async with consuming(bus, database, subscription, (PeerAway,)):
        (letter,) = await dead_letters(database, 1)
    assert (letter.attempts, failures) == (5, 5)


async def test_a_deadlock_is_no_attempt(bus: Bus, database: Database) -> None:
    """The unit of work is run again, as a call would be."""
    runs = 0

    async def deadlock(one: ClientCreatedEvent, tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        if runs <= 2:
            raise SerializationConflict
        await count_event(one, tx)

    (event_id,) = await put(bus.js, event())
    async with consuming(bus, database, replace(SUBSCRIPTION, handler=deadlock)):
        assert await effects_of(database, 1) == [event_id]
    assert (await attempts(database), await letters(database)) == ([], [])


async def test_a_look_up_that_hangs_is_a_failure(bus: Bus, database: Database) -> None:
    """It is given up like a handler that hangs; the others have their effects."""
    hung = event("hang")

    async def hang(one: ClientCreatedEvent, app: object) -> None:
        if one.email:
            await asyncio.Event().wait()

    ids = await put(bus.js, event(), hung, event())
    async with consuming(bus, database, looking_up(hang)):
        (letter,) = await dead_letters(database, 1)
        await at_rest(bus.js)
    assert (letter.message_key, letter.attempts) == (hung.event_id, 5)
    assert sorted(await effects(database)) == sorted({*ids} - {hung.event_id})


async def test_at_most_twenty_look_ups_run_at_once(bus: Bus, database: Database) -> None:
    """A batch of two hundred does not flood the peer."""
    running = most = 0

    async def count(one: ClientCreatedEvent, app: object) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await put(bus.js, *(event() for _ in range(200)))
    async with consuming(bus, database, looking_up(count)):
        await effects_of(database, 200)
    assert 1 < most <= 20


async def test_no_transaction_waits_for_a_look_up(bus: Bus, database: Database) -> None:
    """Look-ups run before the first statement of the transaction."""
    open_transactions: list[int] = []

    async def look(one: ClientCreatedEvent, app: object) -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                " AND datname = current_database()"
            ).fetchone()
        assert row is not None
        open_transactions.append(row[0])

    await put(bus.js, event(), event())
    async with consuming(bus, database, looking_up(look)):
        await effects_of(database, 2)
    assert open_transactions == [0, 0]
