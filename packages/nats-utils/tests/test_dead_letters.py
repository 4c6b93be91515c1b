"""Dead letters: written with the claim, announced once, replayed for their consumer alone."""

import asyncio
from dataclasses import replace
from itertools import repeat
from uuid import UUID

import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, Transaction
from nats_utils import Bus, Handling, InvalidEvent, Relay, Replayer, RetryPolicy, Subscription
from nats_utils.dead_letters import OMITTED
from nats_utils.events import DEAD_LETTERS_STREAM
from nats_utils.tables import DEAD, DROPPED, REPLAYED, REPLAYING, DeadLetter, ProcessedEvent
from service_testing import eventually
from sqlalchemy import select, update
from tests.observing import (
    CONSUMER,
    SUBJECT,
    at_rest,
    attempts,
    confirmed,
    consuming,
    dead_letters,
    during,
    effects,
    event,
    letters,
    message_ids,
    put,
)

from tests.temoin.models import Compteur
from tests.temoin.service import SUBSCRIPTION

IMPATIENT = replace(SUBSCRIPTION, retry_policy=RetryPolicy(waits=(0.01,) * 4, handler=0.5))


@pytest.fixture
async def poisonous(bus: Bus, database: Database) -> ClientCreatedEvent:
    """An event that `temoin` gave up."""
    poison = event("exception")
    await put(bus.js, poison)
    async with consuming(bus, database, IMPATIENT):
        await dead_letters(database, 1)
        await at_rest(bus.js)
    return poison


async def heal(database: Database) -> None:
    """Make poisonous events harmless, as a fix of the handler would."""
    async with database.transaction() as tx:
        await tx.execute(update(Compteur).values(gueri=True))


async def mark(database: Database, status: str = REPLAYING) -> None:
    """Give every dead letter *status*, as `crm dlq` does."""
    async with database.transaction() as tx:
        await tx.execute(update(DeadLetter).where(DeadLetter.status == DEAD).values(status=status))


def handling(database: Database, subscription: Subscription = IMPATIENT) -> Handling:
    """The handling of `temoin`."""
    return Handling(database, CONSUMER, subscription, None)


async def test_a_dead_letter_comes_with_its_claim(
    database: Database, bus: Bus, poisonous: ClientCreatedEvent
) -> None:
    """A consumer that was made again does not try the event again."""
    claims = await database.read().all(select(ProcessedEvent.event_id))
    assert [str(claim) for claim in claims] == [poisonous.event_id]
    await bus.js.delete_consumer("CRM_EVENTS", CONSUMER)
    async with consuming(bus, database, IMPATIENT):
        await at_rest(bus.js)
    assert (len(await letters(database)), await effects(database)) == (1, [])


async def test_a_dead_letter_is_announced_once(
    database: Database, bus: Bus, poisonous: ClientCreatedEvent
) -> None:
    """On the subject of its service and event, with the message itself, under an id of its own."""
    async with during(Relay(database, bus).run):
        await confirmed(database, 1)
    assert await message_ids(bus.js, DEAD_LETTERS_STREAM) == [f"dlq:{CONSUMER}:{poisonous.event_id}:1"]
    message = await bus.js.get_msg(DEAD_LETTERS_STREAM, 1)
    assert (message.subject, message.data) == (
        "crm.dlq.temoin.client-created",
        poisonous.SerializeToString(),
    )


async def test_an_unreadable_message_is_announced_too(database: Database, bus: Bus) -> None:
    """With its bytes while they are few, and with their number when they are many."""
    await bus.js.publish(SUBJECT, b"\xff", headers={"x-correlation-id": "corr-1"})
    await bus.js.publish(SUBJECT, b"\xff" * 900_000)
    async with during(Relay(database, bus).run), consuming(bus, database, IMPATIENT):
        await confirmed(database, 2)
    told = [await bus.js.get_msg(DEAD_LETTERS_STREAM, sequence) for sequence in (1, 2)]
    assert [(message.data or b"", (message.headers or {}).get(OMITTED)) for message in told] == [
        (b"\xff", None),
        (b"", "900000"),
    ]
    assert (told[0].headers or {})["x-correlation-id"] == "corr-1"


async def test_a_replay_after_the_fix_heals_once_and_for_this_consumer_alone(
    database: Database, bus: Bus, poisonous: ClientCreatedEvent
) -> None:
    """The effect happens, nothing is published, and a second request changes nothing."""
    before = await message_ids(bus.js)
    await heal(database)
    await mark(database)
    async with during(Replayer(database, [handling(database)]).run):
        await eventually(lambda: status_is(database, REPLAYED))
    await mark(database)
    assert not await Replayer(database, [handling(database)]).replay_one(handling(database))
    assert await effects(database) == [poisonous.event_id]
    assert (await message_ids(bus.js), await attempts(database)) == (before, [])


async def status_is(database: Database, *wanted: str) -> bool:
    """Whether the dead letters have these states."""
    return [letter.status for letter in await letters(database)] == list(wanted)


async def test_a_replay_that_fails_again_stays_dead(
    database: Database, poisonous: ClientCreatedEvent
) -> None:
    """With one more attempt and the new reason, and without an effect."""

    async def fail_otherwise(one: ClientCreatedEvent, tx: Transaction) -> None:
        raise InvalidEvent("another reason")

    again = handling(database, replace(IMPATIENT, handler=fail_otherwise))
    for number in (6, 7):
        await mark(database)
        assert await Replayer(database, [again]).replay_one(again)
        (letter,) = await letters(database)
        assert (letter.status, letter.attempts, letter.error) == (
            DEAD,
            number,
            "InvalidEvent: another reason",
        )
    assert (await effects(database), await attempts(database)) == ([], [])


async def test_an_unreadable_message_cannot_be_replayed(database: Database, bus: Bus) -> None:
    """It stays a dead letter, with one more attempt."""
    await bus.js.publish(SUBJECT, b"\xff")
    async with consuming(bus, database, IMPATIENT):
        await dead_letters(database, 1)
    await mark(database)
    await Replayer(database, [handling(database)]).replay_one(handling(database))
    (letter,) = await letters(database)
    assert (letter.status, letter.attempts) == (DEAD, 2)


async def test_a_letter_that_ends_the_process_each_time_stays_dead(
    database: Database, poisonous: ClientCreatedEvent
) -> None:
    """After five replays that began and never ended it is not run again."""
    one = handling(database)
    await mark(database)
    (letter,) = await letters(database)
    for _ in range(5):
        await one.attempts.begin(UUID(letter.message_key))
    assert await Replayer(database, [one]).replay_one(one)
    (letter,) = await letters(database)
    assert (letter.status, letter.error) == (DEAD, "the process ended while handling it")
    assert (await effects(database), await attempts(database)) == ([], [])


async def test_infrastructure_leaves_a_replay_for_later(
    database: Database, poisonous: ClientCreatedEvent
) -> None:
    """Nothing is counted, the request stands."""

    async def away(one: ClientCreatedEvent, tx: Transaction) -> None:
        raise ConnectionRefusedError

    one = Handling(database, CONSUMER, replace(IMPATIENT, handler=away), None, (ConnectionRefusedError,))
    await mark(database)
    with pytest.raises(ConnectionRefusedError):
        await Replayer(database, [one]).replay_one(one)
    (letter,) = await letters(database)
    assert (letter.status, letter.attempts, await attempts(database)) == (REPLAYING, 5, [0])


async def test_replicas_replay_each_letter_once(database: Database, bus: Bus) -> None:
    """Four replayers, thirty letters: thirty effects."""
    poisons = [event("invalid") for _ in range(30)]
    await put(bus.js, *poisons)
    async with consuming(bus, database, IMPATIENT):
        await dead_letters(database, 30)
        await at_rest(bus.js)
    await heal(database)
    await mark(database)
    one = handling(database)

    async def drain() -> None:
        replayer = Replayer(database, [one])
        while await replayer.replay_one(one):
            pass

    await asyncio.gather(*(drain() for _ in range(4)))
    assert await status_is(database, *repeat(REPLAYED, 30))
    assert sorted(await effects(database)) == [poison.event_id for poison in poisons]


async def test_a_failure_noted_late_does_not_undo_the_success_of_another_replica(
    database: Database, poisonous: ClientCreatedEvent
) -> None:
    """Otherwise the letter could be replayed a second time, with a second effect."""
    good = handling(database)

    async def fail_while_another_succeeds(one: ClientCreatedEvent, tx: Transaction) -> None:
        raise ValueError

    class SlowToNote(Replayer):
        async def _note_failure(self, one: Handling, letter: int, error: Exception) -> None:
            await Replayer(database, [good]).replay_one(good)
            await super()._note_failure(one, letter, error)

    bad = handling(database, replace(IMPATIENT, handler=fail_while_another_succeeds))
    await heal(database)
    await mark(database)
    await SlowToNote(database, [bad]).replay_one(bad)
    assert await status_is(database, REPLAYED)
    assert await effects(database) == [poisonous.event_id]


async def test_a_dropped_letter_is_closed(database: Database, poisonous: ClientCreatedEvent) -> None:
    """It is neither handled nor replayed afterwards."""
    await mark(database, DROPPED)
    await heal(database)
    await mark(database)
    assert not await Replayer(database, [handling(database)]).replay_one(handling(database))
    assert await status_is(database, DROPPED)
