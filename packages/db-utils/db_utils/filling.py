"""Keys of the rows that were there before their columns: for migrations (C10)."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, Select, Table, Text, bindparam, select

from db_utils.keys import Key, Keys, Searched
from db_utils.texts import without_format

_log = logging.getLogger(__name__)
_BATCH: Final = 5_000  # rows


def key_column(name: str, key: Key | Searched) -> Column[str]:
    """The column *name* for a migration to add; empty in rows that who knows nothing of it writes."""
    return Column(name, key, nullable=False, server_default="")


def fill_keys(connection: Connection, table: str, keys: Keys, *, names: Sequence[str] = ()) -> None:
    """Write *keys* into every row of *table*, and take format characters out of the columns *names*.

    A name that consists of nothing else stays, and its row is logged, as is the progress.
    """
    sources = {*names, *(source for key in keys.values() for source in key.sources)}
    filled = Table(table, MetaData(), Column("id"), *(Column(name, Text) for name in sources | keys.keys()))
    read = select(filled.c.id, *(filled.c[name] for name in sources)).order_by(filled.c.id).limit(_BATCH)
    change = filled.update().where(filled.c.id == bindparam("_id"))
    write = change.values({name: bindparam(name) for name in (*keys, *names)})
    done, rows = 0, _rows(connection, read)
    while rows:
        connection.execute(write, [_filled(table, row, keys, names) for row in rows])
        done += len(rows)
        _log.info("%s: %d rows have their keys", table, done)
        rows = _rows(connection, read.where(filled.c.id > rows[-1]["id"])) if len(rows) == _BATCH else []


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _filled(table: str, row: Mapping[str, Any], keys: Keys, names: Sequence[str]) -> dict[str, Any]:
    """The parameters of the change of *row*."""
    cleaned = {name: _cleaned(table, row, name) for name in names}
    known = {**row, **cleaned}
    return {"_id": row["id"], **cleaned, **{name: key.value(known) for name, key in keys.items()}}


def _cleaned(table: str, row: Mapping[str, Any], name: str) -> str | None:
    text: str | None = row[name]
    if not text:
        return text
    cleaned = without_format(text).strip()
    if not cleaned:
        _log.warning("%s %s: nothing would be left of %s, it stays", table, row["id"], name)
    return cleaned or text
