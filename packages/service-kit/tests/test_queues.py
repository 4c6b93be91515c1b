"""What waits in a service, as its metrics tell it (C16)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Database, Row, Transaction, Worker, backlog, clock, counted_of, queues_of, uuid7
from grpc_utils.errors import DependanceIndisponible, Introuvable
from nats.js.api import AckPolicy, ConsumerConfig
from nats_utils import Bus, Subscription, declared, end, publish
from nats_utils.events import EVENTS_STREAM
from nats_utils.tables import DEAD, DROPPED, DeadLetter
from service_kit import App, Service, Settings
from service_kit.queues import QueueWatch
from service_kit.registry import services
from service_testing import eventually, fresh_nats, metric, running
from tests.owing import OWING, Office, an_office
from tests.test_workers import WithWorkers

HOUR = timedelta(hours=1)
CONSUMER, SUBJECT = f"{OWING.name}--client-created", "crm.events.client.created"
DECLARED = [(name, model) for name, one in services().items() for model in queues_of(one.declared)]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """A service that owes commands."""
    async with an_office() as one:
        yield one


@asynccontextmanager
async def watching(
    database: Database, service: Service = OWING, bus: Bus | None = None
) -> AsyncIterator[None]:
    """Look at the queues of *service* while inside, by default without a broker."""
    watch = QueueWatch(service, database, bus or Bus("nats://127.0.0.1:1", "test", ()))
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        await end(task)


def seen(name: str, queue: str) -> float:
    """What the metric *name* says of *queue*."""
    return metric(f"crm_queue_{name}", service=OWING.name, queue=queue)


async def letter(database: Database, status: str) -> None:
    """A dead letter with *status*."""
    async with database.transaction() as tx:
        await tx.insert(
            DeadLetter(
                consumer="c",
                event_type="client.created",
                message_key=str(uuid7()),
                subject="s",
                payload=b"",
                error="e",
                attempts=5,
                status=status,
            )
        )


async def test_C16_events_that_are_not_published_are_counted_with_their_age(office: Office) -> None:
    """As rows of the outbox, which wait from their commit on."""
    database = office.app.database
    async with database.transaction() as tx:
        publish(tx, ClientCreatedEvent(client_id="c"))
    with clock.frozen_at(clock.now() + HOUR):
        async with watching(database):
            await eventually(lambda: seen("waiting", "outbox") == 1)
            await eventually(lambda: seen("overdue_seconds", "outbox") >= HOUR.total_seconds())
        assert HOUR.total_seconds() <= seen("oldest_seconds", "outbox") < 2 * HOUR.total_seconds()


async def test_C16_dead_letters_that_nobody_has_seen_to_are_counted(office: Office) -> None:
    """Those that were replayed or dropped are not."""
    for status in (DEAD, DEAD, DROPPED):
        await letter(office.app.database, status)
    async with watching(office.app.database):
        await eventually(lambda: seen("waiting", "dead_letters") == 2)


async def test_C16_commands_that_wait_are_counted_until_they_end(office: Office) -> None:
    """With the age of the oldest, and by how much the next attempt is overdue."""
    office.callee.failures = [DependanceIndisponible(service="clients")]
    await office.owe("a")
    await office.send()
    with clock.frozen_at(clock.now() + HOUR):
        async with watching(office.app.database):
            await eventually(lambda: seen("waiting", "commande_sortante") == 1)
            await eventually(lambda: seen("overdue_seconds", "commande_sortante") > 0)
        assert seen("oldest_seconds", "commande_sortante") >= HOUR.total_seconds()
        assert seen("overdue_seconds", "commande_sortante") < HOUR.total_seconds()
        await office.send()
    async with watching(office.app.database):
        await eventually(lambda: seen("waiting", "commande_sortante") == 0)
    assert (seen("oldest_seconds", "commande_sortante"), seen("overdue_seconds", "commande_sortante")) == (
        0,
        0,
    )


def refused() -> float:
    """The commands that were refused."""
    return metric("crm_state_total", service=OWING.name, table="commande_sortante", state="REFUSEE")


async def test_C16_rows_are_counted_by_the_state_that_they_come_to(office: Office) -> None:
    """A state that none has come to is there with 0, so that the first one is seen."""
    async with watching(office.app.database):
        before = refused()
        office.callee.failures = [Introuvable()]
        await office.owe("a")
        await office.send()
        assert (before, refused()) == (before, before + 1)


@pytest.mark.parametrize(("name", "model"), DECLARED, ids=lambda one: getattr(one, "__tablename__", one))
def test_a_queue_is_counted_by_an_index(name: str, model: type[Row]) -> None:
    """Its waiting rows are read in the order of an index, so that nothing else is read."""
    columns = model.__table__.c
    order = "prochain_essai" if "prochain_essai" in columns else "id"
    table: Any = model.__table__
    assert order in [str(getattr(index.expressions[0], "name", "")) for index in table.indexes]


@pytest.mark.parametrize("name", services())
def test_the_states_that_are_counted_are_states(name: str) -> None:
    """The column of each is there."""
    for model, (column, states) in counted_of(services()[name].declared).items():
        assert column in model.__table__.c
        assert states


async def test_C16_events_that_wait_for_a_consumer_are_counted(office: Office) -> None:
    """Those that the broker has not delivered, and those whose acknowledgement it waits for."""
    service = replace(OWING, subscriptions=(Subscription(ClientCreatedEvent, handle),))
    with fresh_nats() as broker:
        bus = Bus(broker.url, "test", declared())
        bus.start()
        await bus.wait_up()
        durable = ConsumerConfig(durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT)
        subscription = await bus.js.pull_subscribe(SUBJECT, CONSUMER, EVENTS_STREAM, config=durable)
        for _ in range(3):
            await bus.js.publish(SUBJECT, b"")
        await subscription.fetch(1)
        async with watching(office.app.database, service, bus):
            await eventually(lambda: metric("crm_consumer_pending", consumer=CONSUMER) == 2)
            await eventually(lambda: metric("crm_consumer_ack_pending", consumer=CONSUMER) == 1)
        await bus.close()


async def handle(event: ClientCreatedEvent, tx: Transaction) -> None:
    """Do nothing."""


async def test_C16_a_job_tells_when_it_has_succeeded(with_workers: WithWorkers) -> None:
    """And how often it runs; a run that fails changes nothing."""
    runs: list[int] = []

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))
        if len(runs) > 1:
            raise ZeroDivisionError

    labels = {"service": "clients", "worker": "measured"}
    often = timedelta(milliseconds=50)
    async with running(with_workers(Worker("measured", job, every=often))):
        await eventually(lambda: len(runs) == 2)
        succeeded = metric("crm_job_last_success_seconds", **labels)
        await eventually(lambda: len(runs) == 3)
    assert metric("crm_job_interval_seconds", **labels) == often.total_seconds()
    assert metric("crm_job_last_success_seconds", **labels) == succeeded > 0


async def test_a_backlog_is_counted_so_far_and_no_further(office: Office) -> None:
    """However long it is, a look reads so many rows."""
    database = office.app.database
    for _ in range(3):
        await letter(database, DEAD)
    counts = [(await backlog(database, DeadLetter, most=most)).waiting for most in (2, 10)]
    assert counts == [2, 3]
