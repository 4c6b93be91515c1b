"""Recording an event in the transaction of its cause."""

from datetime import UTC, datetime

import pytest
from crm.clients.clients_pb2 import ClientBase
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, clock, context, parse_uuid
from nats_utils import publish
from nats_utils.outbox import LARGEST, EventTooLarge
from tests.observing import outbox


async def test_publish_completes_id_time_and_correlation(database: Database) -> None:
    """What the caller left empty is filled in, in the event and in the row."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    event = ClientCreatedEvent(client_id="c")
    context.correlation_id.set("corr-1")
    with clock.frozen_at(now):
        async with database.transaction() as tx:
            publish(tx, event)
    (row,) = await outbox(database)
    identity = parse_uuid(event.event_id)
    assert identity is not None
    assert (identity.version, event.timestamp.ToDatetime(UTC), event.correlation_id) == (7, now, "corr-1")
    assert (row.message_id, row.subject, row.stream) == (
        event.event_id,
        "crm.events.client.created",
        "CRM_EVENTS",
    )
    assert (row.headers, ClientCreatedEvent.FromString(row.payload)) == (
        {"x-correlation-id": "corr-1"},
        event,
    )


async def test_publish_keeps_what_the_caller_has_set(database: Database) -> None:
    """An id, a time and a correlation id of the caller's stay as they are."""
    event = ClientCreatedEvent(event_id="0198c5a0-0000-7000-8000-000000000001", correlation_id="mine")
    event.timestamp.FromJsonString("2020-01-01T00:00:00Z")
    before = event.SerializeToString()
    async with database.transaction() as tx:
        publish(tx, event)
    assert [row.payload for row in await outbox(database)] == [before]


@pytest.mark.parametrize("hostile", ["a\r\nNats-Msg-Id: other", "nul\x00", "é", "x" * 65])
async def test_a_correlation_id_that_is_no_token_stays_out_of_the_headers(
    database: Database, hostile: str
) -> None:
    """Text of outside publishers never becomes a header of ours."""
    async with database.transaction() as tx:
        publish(tx, ClientCreatedEvent(correlation_id=hostile))
    assert [row.headers for row in await outbox(database)] == [{}]


async def test_a_message_that_is_no_event_is_refused(database: Database) -> None:
    """Only the table of events can be published."""
    with pytest.raises(LookupError, match="ClientBase is not one of the events"):
        async with database.transaction() as tx:
            publish(tx, ClientBase())
    assert await outbox(database) == []


async def test_an_event_of_more_than_256_kib_is_refused(database: Database) -> None:
    """Events name things; no row may grow towards the limit of the broker."""
    with pytest.raises(EventTooLarge, match=r"client\.created: 262"):
        async with database.transaction() as tx:
            publish(tx, ClientCreatedEvent(nom="x" * LARGEST))
    assert await outbox(database) == []


async def test_a_rolled_back_change_publishes_nothing(database: Database) -> None:
    """The rows of the outbox are rolled back too."""
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            publish(tx, ClientCreatedEvent())
            raise RuntimeError
    assert await outbox(database) == []


async def test_events_of_one_transaction_keep_their_order(database: Database) -> None:
    """Rows get their ids in the order of the calls."""
    async with database.transaction() as tx:
        for number in range(10):
            publish(tx, ClientCreatedEvent(client_id=str(number)))
    told = [ClientCreatedEvent.FromString(row.payload).client_id for row in await outbox(database)]
    assert told == [str(number) for number in range(10)]
