"""Poison that kills its process: a message at whose handling the process of the consumer ends."""

import signal

import nats
import psycopg
import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from nats.js import JetStreamContext
from nats_utils import declare, declared
from nats_utils.outbox import MESSAGE_ID
from service_testing import eventually

from tests.faults.processes import Processes

_ENDS = "SELECT (SELECT count(*) FROM archive.effets), (SELECT count(*) FROM archive.dead_letters)"
_REMAINS = """
SELECT (SELECT count(DISTINCT event_id) FROM archive.effets), (SELECT count(*) FROM archive.event_attempts)"""
_LETTERS = "SELECT message_key, attempts, error FROM archive.dead_letters"


@pytest.mark.parametrize(
    "place",
    [0, pytest.param(100, marks=pytest.mark.faults), pytest.param(199, marks=pytest.mark.faults)],
    ids=["first", "middle", "last"],
)
async def test_I4_a_message_that_kills_its_process_is_given_up(mesh: Processes, place: int) -> None:
    """One attempt in its batch and five single ones make it a dead letter; the others take effect once."""
    client = await nats.connect(mesh.broker.url)
    await declare(client.jetstream(), declared())
    poison = await publish_batch(client.jetstream(), place)
    await client.close()
    async with mesh.kept_running("archive") as archive:
        await eventually(lambda: ends(mesh) == (199, 1), timeout=60)
        assert archive.ends == [-signal.SIGKILL] * 6
    with psycopg.connect(mesh.url) as connection:
        assert connection.execute(_REMAINS).fetchone() == (199, 0)
        assert connection.execute(_LETTERS).fetchall() == [(poison, 5, "the process ended while handling it")]


async def publish_batch(js: JetStreamContext, place: int) -> str:
    """Publish two hundred events, of which the one at *place* is poisonous; its id."""
    ids = [str(uuid7()) for _ in range(200)]
    for number, event_id in enumerate(ids):
        event = ClientCreatedEvent(event_id=event_id, email="exit" if number == place else "")
        payload = event.SerializeToString()
        await js.publish("crm.events.client.created", payload, headers={MESSAGE_ID: event_id})
    return ids[place]


def ends(mesh: Processes) -> tuple[int, int] | None:
    """The numbers of effects and dead letters of `archive`."""
    with psycopg.connect(mesh.url) as connection:
        return connection.execute(_ENDS).fetchone()
