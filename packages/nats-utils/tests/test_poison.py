"""A message that makes its handler fail becomes a dead letter; the others of its batch have their effects."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database
from nats_utils import Bus, RetryPolicy
from nats_utils.outbox import MESSAGE_ID
from nats_utils.tables import DEAD
from service_testing import eventually
from tests.observing import (
    SUBJECT,
    at_rest,
    attempts,
    consuming,
    dead_letters,
    effects,
    event,
    letters,
    put,
)

from tests.temoin.service import SUBSCRIPTION

SUBSCRIPTION = replace(SUBSCRIPTION, retry_policy=RetryPolicy(waits=(0.01,) * 4, handler=0.3))

# By kind of poison the number of attempts after which the message is given up.
HANDLED: Mapping[str, int] = {
    "exception": 5,
    "hang": 5,
    "slow-statement": 5,
    "cancel": 5,
    "unprintable": 5,
    "invalid": 1,
}
UNREADABLE: Mapping[str, bytes] = {
    "undecodable": b"\xff\xff\xff",
    "no event": b"",
    "bad event_id": ClientCreatedEvent(event_id="42").SerializeToString(),
    "large": b"\xff" * 900_000,
}
PLACES = pytest.mark.parametrize("place", [0, 100, 199], ids=["first", "middle", "last"])


@PLACES
@pytest.mark.parametrize("poison", HANDLED)
async def test_a_poisonous_event_harms_no_other(
    bus: Bus, database: Database, poison: str, place: int
) -> None:
    """Of two hundred events, 199 have their effect once and one is a dead letter."""
    events = [event(poison if number == place else "") for number in range(200)]
    await put(bus.js, *events)
    async with consuming(bus, database, SUBSCRIPTION):
        (letter,) = await dead_letters(database, 1)
        await at_rest(bus.js)
    good = [one.event_id for one in events if not one.email]
    assert sorted(await effects(database)) == good
    assert (letter.message_key, letter.payload) == (
        events[place].event_id,
        events[place].SerializeToString(),
    )
    assert (letter.status, letter.attempts) == (DEAD, HANDLED[poison])
    assert await attempts(database) == []


@PLACES
@pytest.mark.parametrize("payload", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_unreadable_message_is_given_up_at_once(
    bus: Bus, database: Database, payload: bytes, place: int
) -> None:
    """Without a further attempt, with all its bytes."""
    events = [event() for _ in range(199)]
    ids = await put(bus.js, *events[:place])
    await bus.js.publish(SUBJECT, payload)
    ids += await put(bus.js, *events[place:])
    async with consuming(bus, database, SUBSCRIPTION):
        (letter,) = await dead_letters(database, 1)
        await at_rest(bus.js)
    assert sorted(await effects(database)) == ids
    assert (letter.payload, letter.attempts) == (payload, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {MESSAGE_ID: "x" * 5000},
        {MESSAGE_ID: "nul\x00 and \udc80".encode(errors="replace").decode()},
        {"x-correlation-id": "nul\x00"},
        {"x-correlation-id": "x" * 5000},
        {"Status": "409"},
    ],
    ids=["long id", "odd id", "odd correlation", "long correlation", "status"],
)
async def test_no_header_keeps_a_message_from_the_dead_letters(
    bus: Bus, database: Database, headers: dict[str, str]
) -> None:
    """Outside publishers may write any text into headers."""
    await bus.js.publish(SUBJECT, b"\xff", headers=headers)
    async with consuming(bus, database, SUBSCRIPTION):
        await dead_letters(database, 1)
        await at_rest(bus.js)


async def test_a_dead_letter_that_is_delivered_again_is_written_once(bus: Bus, database: Database) -> None:
    """A message without a readable event id is recognised by its id on the bus, or by its place there."""
    await bus.js.publish(SUBJECT, b"\xff")
    await bus.js.publish(SUBJECT, b"\xff", headers={MESSAGE_ID: "named"})
    for _ in range(2):
        async with consuming(bus, database, SUBSCRIPTION):
            await dead_letters(database, 2)
            await at_rest(bus.js)
        await bus.js.delete_consumer("CRM_EVENTS", "temoin--client-created")
    assert len(await letters(database)) == 2


async def test_two_unreadable_messages_are_two_dead_letters(bus: Bus, database: Database) -> None:
    """Equal bytes do not make them one."""
    for _ in range(2):
        await bus.js.publish(SUBJECT, b"\xff")
    async with consuming(bus, database, SUBSCRIPTION):
        await at_rest(bus.js)
    assert len(await letters(database)) == 2


async def test_many_poisonous_events_are_all_given_up(bus: Bus, database: Database) -> None:
    """Ten among two hundred, of all kinds."""
    events = [event("exception" if number % 20 == 3 else "") for number in range(200)]
    await put(bus.js, *events)
    async with consuming(bus, database, SUBSCRIPTION):
        given_up = await dead_letters(database, 10)
        await at_rest(bus.js)
    assert sorted(await effects(database)) == [one.event_id for one in events if not one.email]
    assert {letter.message_key for letter in given_up} == {one.event_id for one in events if one.email}


async def test_an_event_that_succeeds_at_its_third_attempt_is_no_dead_letter(
    bus: Bus, database: Database
) -> None:
    """A failure that goes away leaves the effect and nothing else."""
    runs = 0

    async def fail_twice(one: ClientCreatedEvent, tx: object) -> None:
        nonlocal runs
        runs += 1
        if runs <= 2:
            raise ValueError
        await SUBSCRIPTION.handler(one, tx)

    (event_id,) = await put(bus.js, event())
    async with consuming(bus, database, replace(SUBSCRIPTION, handler=fail_twice)):
        await at_rest(bus.js)
    assert (runs, await effects(database)) == (3, [event_id])
    assert (await attempts(database), await letters(database)) == ([], [])


async def test_a_first_delivery_that_fails_alone_is_not_run_again_at_once(
    bus: Bus, database: Database
) -> None:
    """Its batch of one is its first attempt; only a larger batch is repeated singly."""
    runs = 0

    async def fail(one: ClientCreatedEvent, tx: object) -> None:
        nonlocal runs
        runs += 1
        raise ValueError

    await put(bus.js, event())
    subscription = replace(SUBSCRIPTION, handler=fail, retry_policy=RetryPolicy(waits=(60.0,)))
    async with consuming(bus, database, subscription):
        await eventually(lambda: attempts(database))
    assert (runs, await attempts(database)) == (1, [1])


async def test_a_failed_event_comes_again_after_its_wait_and_not_before(bus: Bus, database: Database) -> None:
    """The delay is the broker's: a bare refusal would come again at once and end all attempts."""
    retry_policy = RetryPolicy(waits=(0.5, 60.0), handler=1.0)
    await put(bus.js, event("exception"))
    async with consuming(bus, database, replace(SUBSCRIPTION, retry_policy=retry_policy)) as task:
        while await attempts(database) != [2]:
            assert not task.done()
        assert await letters(database) == []
    info = await bus.js.consumer_info("CRM_EVENTS", "temoin--client-created")
    assert (info.num_ack_pending, info.num_redelivered) == (1, 1)
