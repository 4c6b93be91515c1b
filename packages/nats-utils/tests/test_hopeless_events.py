"""Handling without a broker: errors that no attempt can change, and the correlation of look-ups."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats_utils
import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, InvalidText, TextTooLong, context, uuid7
from db_utils.migrations import Schema, migrate
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats_utils import Handling, InvalidEvent, Subscription
from nats_utils.deliveries import DONE, Delivery
from nats_utils.tables import DeadLetter
from service_testing import empty_database
from sqlalchemy import select


@pytest.fixture
async def bus_tables() -> AsyncIterator[Database]:
    """A schema that holds the messaging tables and nothing else."""
    url = empty_database()
    migrate(url, [Schema("bus", (Path(nats_utils.__path__[0]) / "migrations",))])
    database = Database(url, "bus")
    await database.open()
    yield database
    await database.close()


def delivery(**fields: Any) -> Delivery:
    """The first delivery of an event."""
    event_id = uuid7()
    event = ClientCreatedEvent(event_id=str(event_id), **fields)
    reply = "$JS.ACK.CRM_EVENTS.essai--client-created.1.1.1.0.0"
    message = Msg(Client(), "crm.events.client.created", reply, event.SerializeToString())
    return Delivery(message, event, event_id)


@pytest.mark.parametrize("error", [InvalidEvent("no"), TextTooLong("nom"), InvalidText("NUL")], ids=repr)
async def test_an_error_that_no_attempt_can_change_makes_a_dead_letter_at_once(
    bus_tables: Database, error: Exception
) -> None:
    """An invalid event, or one with a value that no column takes, gets one attempt."""

    async def refuse(event: ClientCreatedEvent, tx: object) -> None:
        raise error

    handling = Handling(bus_tables, "essai--client-created", Subscription(ClientCreatedEvent, refuse), None)
    assert await handling.single(delivery()) == DONE
    letters = await bus_tables.read().all(select(DeadLetter))
    assert [letter.attempts for letter in letters] == [1]


async def test_a_look_up_belongs_to_the_correlation_of_its_event(bus_tables: Database) -> None:
    """Its calls carry the correlation id of the event."""
    seen: list[str] = []

    async def ask(event: ClientCreatedEvent, app: object) -> str:
        return context.correlation_id.get()

    async def note(event: ClientCreatedEvent, tx: object, found: str) -> None:
        seen.append(found)

    subscription = Subscription(ClientCreatedEvent, note, lookup=ask)
    handling = Handling(bus_tables, "essai--client-created", subscription, None)
    await handling.batch([delivery(correlation_id="one"), delivery(correlation_id="two")])
    assert seen == ["one", "two"]
