"""Changes of many rows of one table in one statement, with their lines in the journal."""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any

from db_utils import Row, Transaction, clock
from sqlalchemy import ARRAY, DateTime, Update, bindparam, column, func
from sqlalchemy import update as update_of

from service_calendar import audit

_AT_ONCE = 100  # lines of the journal between which other calls are served


async def update(tx: Transaction, changes: Sequence[tuple[Any, dict[str, Any]]]) -> None:
    """Write the new values of rows that *tx* has locked, which all change the same columns."""
    if not changes:
        return
    now, (first, values) = clock.now(), changes[0]
    kind: type[Row] = type(first)
    columns = {name: [values[name] for _, values in changes] for name in values}
    ids = [row.id for row, _ in changes]
    await tx.execute(_statement(kind, tuple(values)), ids=ids, now=now, **columns)
    for number, (row, values) in enumerate(changes):
        versioned = {"version": row.version + 1, "updated_at": now}
        await audit.changed_by_file(tx, row, values | versioned)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)


@cache
def _statement(kind: type[Row], names: tuple[str, ...]) -> Update:
    """UPDATE from arrays, one for the ids and one for each column; kernel columns follow (C9)."""
    columns = kind.__table__.columns
    arrays = [bindparam("ids", type_=ARRAY(columns["id"].type))]
    arrays += [bindparam(name, type_=ARRAY(columns[name].type)) for name in names]
    fields = [column(name, columns[name].type) for name in ("id", *names)]
    new = func.unnest(*arrays).table_valued(*fields, name="new").render_derived()
    content = {name: new.columns[name] for name in names}
    kernel = {
        "version": columns["version"] + 1,
        "updated_at": bindparam("now", type_=DateTime(timezone=True)),
    }
    return update_of(kind).where(columns["id"] == new.columns["id"]).values(**content, **kernel)
