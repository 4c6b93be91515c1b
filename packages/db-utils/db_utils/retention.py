"""Rows that are deleted when they have reached an age: the hourly job of a service, and its parts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, Delete, SQLColumnExpression, bindparam, delete, select, tuple_

from db_utils import clock
from db_utils.database import Database
from db_utils.statements import table_plan
from db_utils.tables import Row
from db_utils.worker import Worker

_BATCH: Final = 1_000  # rows: their deletion takes milliseconds, so that nobody waits for their locks
_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Retention:
    """The rows of *model* are kept for *kept*, counted from their instant *since*.

    *since* is a column or an expression; rows where it is NULL are kept for ever. An index on it
    keeps the search for old rows short.
    """

    model: type[Row]
    since: SQLColumnExpression[datetime] | SQLColumnExpression[datetime | None]
    kept: timedelta


async def purge(database: Database, *retentions: Retention) -> int:
    """Delete the rows that are older than their retention in the current scope; how many there were.

    In transactions of 1,000 rows each, one after the other. Rows that reach their age meanwhile
    are left for the next run. What is deleted stays so when a later transaction fails.
    """
    now, deleted = clock.now(), 0
    for retention in retentions:
        statement, batch = _batch(retention), _BATCH
        while batch == _BATCH:
            async with database.transaction() as tx:
                batch = await tx.execute(statement, before=now - retention.kept)
            deleted += batch
    return deleted


def purge_job(*retentions: Retention, name: str = "purge") -> Worker:
    """The job *name*, which applies *retentions* every hour."""

    async def run(app: Any) -> None:
        await purge(app.database, *retentions)

    return Worker(name, run, every=_EVERY)


def _batch(retention: Retention) -> Delete:
    """DELETE of the first rows that are too old; PostgreSQL's DELETE takes no LIMIT of its own."""
    key = table_plan(retention.model).table.primary_key.columns
    old = select(*key).where(retention.since < bindparam("before", type_=DateTime(timezone=True)))
    return delete(retention.model).where(tuple_(*key).in_(old.limit(_BATCH)))
