"""Tables that change under a service at work: nobody who uses it notices."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

import grpc
import psycopg
import pytest
from db_utils import Database, Row, SerializationConflict, uuid7
from db_utils.migrations import Schema, migrate
from grpc_utils.errors import ConflitDEcriture
from service_kit import Service
from service_kit.registry import services
from service_testing import Mesh, eventually, running
from sqlalchemy import Date, Integer, Numeric, Uuid, inspect

from tests.conformance.random_requests import FAILURES, Callers
from tests.conformance.test_subscriptions import sample

Work = Callable[[], Awaitable[None]]

_OFTEN = timedelta(milliseconds=200)
_UNDER_WAY = 6
_CALLS = 30  # before and after the change
_PATIENCE = 60.0  # seconds; some calls hash passwords
_AWAY = (*FAILURES, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_COLUMNS = """
SELECT table_name, array_agg(column_name::text), array_agg(character_maximum_length::int)
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = %s AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'
GROUP BY table_name ORDER BY table_name"""
_MIGRATION = """
from alembic import op

revision, down_revision = {name!r}, {after!r}


def upgrade() -> None:
    op.execute({statement!r})
"""


@pytest.fixture(scope="module")
async def busy() -> AsyncIterator[Mesh]:
    """Every service with its jobs, which hardly rest."""
    restless = [
        replace(service, workers=tuple(replace(worker, every=_OFTEN) for worker in service.workers))
        for service in services().values()
    ]
    async with running(*restless, bcrypt_cost=4) as mesh:
        yield mesh


def disturbed(error: grpc.aio.AioRpcError) -> bool:
    """Whether *error* says that the database could not do what it was asked."""
    return error.code() in _AWAY or error.details() == ConflitDEcriture().message


def changing(service: Service, url: str, folder: Path) -> Schema:
    """The schema of *service* in another version, whose migrations are written into *folder*.

    In each table its texts grow, and a column that nobody names comes and goes.
    """
    with psycopg.connect(url) as owner:
        tables = owner.execute(_COLUMNS, (service.name,)).fetchall()
    statements: list[str] = []
    for table, columns, lengths in tables:
        widths = zip(columns, lengths, strict=True)
        wider = [f"ALTER COLUMN {name} TYPE varchar({length + 10})" for name, length in widths if length]
        statements.append(f"ALTER TABLE {table} {', '.join([*wider, 'ADD COLUMN de_plus text'])}")
        statements.append(f"ALTER TABLE {table} DROP COLUMN de_plus")
    names = [f"{number:04}_{service.name}" for number in range(len(statements))]
    for name, after, statement in zip(names, [None, *names], statements, strict=False):
        text = _MIGRATION.format(name=name, after=after, statement=statement)
        (folder / f"{name}.py").write_text(text)
    return Schema(service.name, (*service.schema.folders, folder))


async def read(database: Database, models: list[type[Row]]) -> None:
    """Look for a row of each table by its key, on a plan that is kept."""
    for model in models:
        await database.read().get(model, absent(model))


async def read_in_transactions(database: Database, models: list[type[Row]]) -> None:
    """The same for writers, which are repeated as all calls and jobs are."""
    for model in models:
        for _ in range(3):
            try:
                async with database.transaction() as tx:
                    await tx.get(model, absent(model), lock=True)
                break
            except SerializationConflict as conflict:
                last = conflict
        else:
            raise last


def absent(model: type[Row]) -> tuple[UUID | str | int | date, ...]:
    """A key that no row has."""
    key = inspect(model).primary_key
    return tuple(
        uuid7()
        if isinstance(column.type, Uuid)
        else 0
        if isinstance(column.type, Integer | Numeric)
        else date.min
        if isinstance(column.type, Date)
        else "absent"
        for column in key
    )


def models_of(service: Service) -> list[type[Row]]:
    """The classes of all tables in the schema of *service*."""

    def below(kind: type[Row]) -> list[type[Row]]:
        return [kind, *(model for child in kind.__subclasses__() for model in below(child))]

    found = [kind for kind in below(Row) if "__table__" in vars(kind)]
    return [kind for kind in found if kind.metadata in service.declared]


@asynccontextmanager
async def at_work(mesh: Mesh, service: Service, callers: Callers) -> AsyncIterator[None]:
    """Calls with and without idempotency keys, reads of every table and events, inside without end."""
    numbers, ended = count(), asyncio.Event()
    database, models = mesh.database(service.name), models_of(service)

    async def call() -> None:
        number = next(numbers)
        await callers.call(number, (("idempotency-key", f"cle-{number}"),) if number % 2 else ())

    async def deliver() -> None:
        for subscription in service.subscriptions:
            await mesh.deliver(sample(subscription.event))
        await asyncio.sleep(0.02)

    async def until_ended(work: Work) -> None:
        while not ended.is_set():
            await work()

    reading: list[Work] = [partial(read, database, models), partial(read_in_transactions, database, models)]
    works = [*[call] * _UNDER_WAY, *reading * 2, deliver]
    tasks = [asyncio.create_task(until_ended(work)) for work in works]
    try:
        await eventually(lambda: callers.sent > _CALLS, timeout=_PATIENCE)
        yield
    finally:
        ended.set()
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
async def test_nobody_notices_that_tables_change(
    busy: Mesh, service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No call, event, job or relay fails while columns grow, come and go."""
    url, callers = busy.database(service.name).url, Callers(busy, service, disturbed)
    schema = changing(service, url, tmp_path)
    async with at_work(busy, service, callers):
        await asyncio.to_thread(migrate, url, [schema])
        sent = callers.sent
        await eventually(lambda: callers.sent > sent + _CALLS, timeout=_PATIENCE)
    assert callers.failures == []
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
