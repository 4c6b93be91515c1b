"""What a broker has lost is found exactly. That it is published again is in `test_lost_stores.py`."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg
import pytest
from db_utils import Connection, Database, clock, session_options, uuid7
from nats.js import JetStreamContext
from nats_utils import STREAMS, Bus
from nats_utils.reconciliation import Confirmed, Ledger
from nats_utils.tables import OutboxRow
from service_kit.embedded import EmbeddedNats
from tests.observing import (
    SUBJECT,
    open_bus,
    outbox,
)

OURS, OTHERS = "ours", "others"


@pytest.fixture
async def session(database: Database) -> AsyncIterator[Connection]:
    """The session of a leader."""
    options = session_options(database.schema)
    async with await psycopg.AsyncConnection.connect(
        database.url, autocommit=True, options=options
    ) as connection:
        yield connection


@dataclass
class History:
    """Messages of several publishers in one stream, and the outbox of one of them."""

    js: JetStreamContext
    database: Database
    session: Connection
    mine: dict[str, int] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)

    async def store(self, publisher: str, count: int = 1, created_at: timedelta = timedelta()) -> None:
        """Publish *count* messages; those of ours are confirmed in the outbox."""
        for _ in range(count):
            message_id = str(uuid7())
            ack = await self.js.publish(SUBJECT, b"", headers={"Nats-Msg-Id": message_id})
            self.stored.append(message_id)
            if publisher == OURS:
                self.mine[message_id] = ack.seq
                await self._confirm(message_id, ack.seq, created_at)

    async def lose_all_but(self, kept: int) -> None:
        """Have a broker that holds the first *kept* messages only, as after a power failure."""
        await self.js.delete_stream("CRM_EVENTS")
        await self.js.add_stream(replace(STREAMS[0], duplicate_window=timedelta(milliseconds=100)).config())
        for message_id in self.stored[:kept]:
            await self.js.publish(SUBJECT, b"", headers={"Nats-Msg-Id": message_id})
        del self.stored[kept:]

    async def pending(self) -> set[str]:
        """What the outbox is to publish again."""
        return {row.message_id for row in await outbox(self.database) if row.stream_sequence is None}

    def of_mine(self, lost: Callable[[int], bool]) -> set[str]:
        """Our messages whose sequence is *lost*."""
        return {message_id for message_id, sequence in self.mine.items() if lost(sequence)}

    async def _confirm(self, message_id: str, sequence: int, age: timedelta) -> None:
        async with self.database.transaction() as tx:
            row = OutboxRow(
                message_id=message_id,
                stream="CRM_EVENTS",
                subject=SUBJECT,
                payload=b"",
                headers={},
                created_at=clock.now() - age,
            )
            tx.insert_at_commit(row)
        await self.session.execute(
            "UPDATE outbox SET stream_sequence = %s WHERE message_id = %s", (sequence, message_id)
        )


@pytest.fixture
async def bus(broker: EmbeddedNats) -> AsyncIterator[Bus]:
    """A connection to a broker whose events stream may be cut by the test."""
    async with open_bus(broker.url, STREAMS[1:]) as bus:
        config = STREAMS[0].config()
        config.deny_delete = config.deny_purge = False
        await bus.js.add_stream(config)
        yield bus


@pytest.fixture
def history(bus: Bus, database: Database, session: Connection) -> History:
    """An empty history."""
    return History(bus.js, database, session)


@pytest.mark.parametrize("seed", range(25))
async def test_the_oldest_lost_message_is_found_among_those_of_other_publishers(
    history: History, session: Connection, bus: Bus, seed: int
) -> None:
    """Any mix of publishers, any cut, others growing into the places of what was lost."""
    chance = random.Random(seed)
    await history.store(OTHERS, chance.randrange(3))
    for _ in range(chance.randrange(1, 25)):
        await history.store(chance.choice((OURS, OTHERS)), chance.randrange(1, 5))
    kept = chance.randrange(len(history.stored) + 1)
    await history.lose_all_but(kept)
    await history.store(OTHERS, chance.choice((0, 0, 3, 60)))
    lost = history.of_mine(lambda sequence: sequence > kept)
    assert await Ledger(session, bus).reopen_lost() == len(lost)
    assert await history.pending() == lost


async def test_nothing_is_reopened_while_the_broker_has_everything(
    history: History, session: Connection, bus: Bus
) -> None:
    """The comparison of every half minute changes nothing."""
    await history.store(OURS, 5)
    await history.store(OTHERS, 5)
    assert await Ledger(session, bus).reopen_lost() == 0


async def test_messages_that_have_aged_out_are_not_published_again(
    history: History, session: Connection, bus: Bus
) -> None:
    """Fourteen days old and gone is normal; younger and gone is a loss."""
    await history.store(OURS, 3, timedelta(days=14, hours=2))
    await history.store(OURS, 3, timedelta(days=1))
    await history.store(OURS, 2)
    await history.js.purge_stream("CRM_EVENTS", seq=6)
    assert await Ledger(session, bus).reopen_lost() == 2
    assert await history.pending() == history.of_mine(lambda sequence: sequence in (4, 5))


async def test_a_stream_whose_last_messages_have_aged_out_is_whole(
    history: History, session: Connection, bus: Bus
) -> None:
    """An empty stream that counts on has lost nothing."""
    await history.store(OURS, 3, timedelta(days=15))
    await history.js.purge_stream("CRM_EVENTS")
    assert await Ledger(session, bus).reopen_lost() == 0


async def test_gaps_in_the_middle_are_filled(history: History, session: Connection, bus: Bus) -> None:
    """A lost block file leaves a hole that the server tells."""
    await history.store(OURS, 10)
    await history.store(OTHERS, 2)
    for sequence in (3, 4, 7, 11):
        await history.js.delete_msg("CRM_EVENTS", sequence)
    assert await Ledger(session, bus).reopen_lost() == 3
    assert await history.pending() == history.of_mine(lambda sequence: sequence in (3, 4, 7))


async def test_a_cut_between_two_windows_is_noticed_after_others_have_filled_it(
    history: History, session: Connection, bus: Bus
) -> None:
    """A failover of the broker that closes no connection: lost and held messages alternate."""
    ledger = Ledger(session, bus)
    await history.store(OURS, 10)
    await ledger.reopen_lost()
    await note_window(ledger, history, 4)
    await history.lose_all_but(12)
    await history.store(OTHERS, 5)
    await note_window(ledger, history, 2)
    await ledger.reopen_lost()
    assert history.of_mine(lambda sequence: sequence in (13, 14)) <= await history.pending()
    assert not history.of_mine(lambda sequence: sequence <= 10) & await history.pending()


async def note_window(ledger: Ledger, history: History, count: int) -> None:
    """Publish *count* messages of ours as one window of the relay."""
    known = set(history.mine)
    await history.store(OURS, count)
    ids = {row.message_id: row.id for row in await outbox(history.database)}
    fresh = [message_id for message_id in history.mine if message_id not in known]
    ledger.note([Confirmed(ids[one], "CRM_EVENTS", one, history.mine[one], False) for one in fresh])


async def test_a_stream_that_counts_anew_contradicts(history: History, session: Connection, bus: Bus) -> None:
    """A new message at an old sequence means loss; a known message there does not."""
    ledger = Ledger(session, bus)
    await history.store(OURS, 5)
    await ledger.reopen_lost()
    assert ledger.contradicted_by([Confirmed(9, "CRM_EVENTS", "new", 5, False)])
    assert not ledger.contradicted_by([Confirmed(9, "CRM_EVENTS", "known", 5, True)])
    assert not ledger.contradicted_by([Confirmed(9, "CRM_EVENTS", "new", 6, False)])
    assert not ledger.contradicted_by([Confirmed(9, "CRM_IDENTITY", "new", 1, False)])
