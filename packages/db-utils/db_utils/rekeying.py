"""Text keys of rows that a former version wrote while this one was rolled out (C10).

A version that does not know a key column leaves it empty or unchanged. Rows from before the
column existed are filled by a migration (`migrations/filling.py`).
"""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import MetaData, Uuid, bindparam, select

from db_utils.database import Database
from db_utils.errors import Conflict
from db_utils.keys import keys_of
from db_utils.tables import Row, Versioned

_log = logging.getLogger(__name__)
_BATCH: Final = 500  # rows whose keys are computed at once, while the event loop waits
_FIRST: Final = UUID(int=0)


def keyed_models(tables: MetaData) -> list[type[Row]]:
    """The classes of *tables* with key columns and `updated_at`, ordered by the names of their tables."""
    models: list[type[Row]] = [mapper.class_ for mapper in Row.registry.mappers]
    keyed = [
        model
        for model in models
        if model.metadata is tables and issubclass(model, Versioned) and keys_of(model.__table__)
    ]
    return sorted(keyed, key=lambda model: model.__tablename__)  # the registry is a set: its order varies


async def rekey(database: Database, model: type[Row], since: datetime) -> int:
    """Correct the text keys of the living rows changed after *since*; return the number of corrected rows.

    A row whose correct key another row already has stays as it is, and its id is logged.
    """
    done = 0
    async for rows in _changed(database, model, since):
        for row in rows:
            done += await _rekeyed(database, row)
    return done


async def _changed(database: Database, model: type[Row], since: datetime) -> AsyncIterator[Sequence[Any]]:
    columns = model.__table__.columns
    query = (
        select(model)
        .where(
            columns["updated_at"] > bindparam("since", type_=columns["updated_at"].type),
            columns["id"] > bindparam("after", type_=columns["id"].type),
        )
        .order_by(columns["id"])
        .limit(_BATCH)
    )
    after: object = _FIRST if isinstance(columns["id"].type, Uuid) else ""
    while rows := await database.read().all(query, since=since, after=after):
        yield rows
        after = rows[-1].__dict__["id"]


async def _rekeyed(database: Database, row: Row) -> bool:
    try:
        async with database.transaction() as tx:
            return await tx.rekey(row)
    except Conflict as conflict:
        _log.warning("%s %s keeps its former key: %s", row.__tablename__, row.__dict__["id"], conflict)
        return False
