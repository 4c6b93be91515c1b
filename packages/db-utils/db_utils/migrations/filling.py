"""Key columns added to tables in use and filled for the existing rows, for migrations (C10).

Three migrations, of which none blocks a writer: one adds the columns, the next fills them, the
third builds their indexes. A failed one is run again and writes what is left. Alembic is imported
at use, because its import takes 0.2 s and most starts migrate nothing.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, Table, Text, Update, bindparam, select
from sqlalchemy.exc import IntegrityError

from db_utils.keys import Keys
from db_utils.texts import without_format

_log = logging.getLogger("db_utils.migrations")  # what `crm migrate` shows
_BATCH: Final = 2_000  # rows whose locks are held together


def add_keys(table: str, keys: Keys) -> None:
    """Add the columns *keys* to *table*; empty until `fill_keys`, and in rows of the former version."""
    from alembic import op

    for name, key in keys.items():
        op.add_column(table, Column(name, key, nullable=False, server_default=""))


def fill_keys(table: str, keys: Keys, *, names: Sequence[str] = (), unique: str = "") -> None:
    """Write *keys* into every row of *table*, and remove format characters from the columns *names*.

    Two cases are left as they were and logged with the id of the row: a name that consists of
    format characters only, and a row whose new key *unique* is that of another row. The progress
    is logged too.
    """
    from alembic import op

    with op.get_context().autocommit_block():
        filling = _Filling(op.get_bind(), table, keys, names, unique)
        for done in filling.batches():
            _log.info("%s: %d rows have their keys", table, done)


class _Filling:
    def __init__(
        self, connection: Connection, table: str, keys: Keys, names: Sequence[str], unique: str
    ) -> None:
        self._connection, self._keys, self._names, self._unique = connection, keys, names, unique
        self._sources = sorted({*names, *(source for key in keys.values() for source in key.sources)})
        columns = (Column(name, keys.get(name, Text)) for name in {*self._sources, *keys})
        self._table = Table(table, MetaData(), Column("id"), *columns)

    def batches(self) -> Iterator[int]:
        """Fill the rows batch by batch; the number of rows done so far after each."""
        columns = self._table.c
        query = select(*columns).order_by(columns.id)
        query, done = query.limit(_BATCH), 0
        rows: list[dict[str, Any]] = []
        while not done or len(rows) == _BATCH:
            after = query.where(columns.id > rows[-1]["id"]) if done else query
            rows = [dict(row) for row in self._connection.execute(after).mappings()]
            if not rows:
                return
            filled = [(row, self._filled(row)) for row in rows]
            self._write([values for row, values in filled if not values.items() >= self._former(row)])
            done += len(rows)
            yield done

    def _write(self, rows: list[dict[str, Any]]) -> None:
        written = {*self._keys, *self._names}
        if not rows:
            return
        try:
            self._connection.execute(self._change(written), rows)
        except IntegrityError:
            if not self._unique:
                raise
            for row in rows:
                self._write_one(row, written)

    def _write_one(self, row: dict[str, Any], written: set[str]) -> None:
        try:
            self._connection.execute(self._change(written), row)
        except IntegrityError:
            rest = {name: value for name, value in row.items() if name != self._unique}
            self._connection.execute(self._change(written - {self._unique}), rest)
            _log.warning(
                "%s %s keeps its former %s: another row has it", self._table, row["_id"], self._unique
            )

    def _change(self, written: set[str]) -> Update:
        """The UPDATE of a row whose texts are still those that were read.

        A row whose texts were changed meanwhile is left alone: this version has written its key then,
        and after the former version `rekeying.py` corrects it.
        """
        columns = self._table.c
        same = (
            columns[name].is_not_distinct_from(bindparam(f"_{name}", type_=Text)) for name in self._sources
        )
        change = self._table.update().where(columns.id == bindparam("_id"), *same)
        return change.values({name: bindparam(name) for name in written})

    def _filled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = {name: self._cleaned(row, name) for name in self._names}
        known = {**row, **cleaned}
        former = {f"_{name}": row[name] for name in ("id", *self._sources)}
        return former | cleaned | {name: key.value(known) for name, key in self._keys.items()}

    def _former(self, row: Mapping[str, Any]) -> Set[tuple[str, Any]]:
        """The keys and names that *row* has already, to be compared with those it should have."""
        return {(name, row[name]) for name in (*self._keys, *self._names)}

    def _cleaned(self, row: Mapping[str, Any], name: str) -> str | None:
        text: str | None = row[name]
        if not text:
            return text
        cleaned = without_format(text).strip()
        if not cleaned:
            _log.warning("%s %s: nothing would be left of %s, it stays", self._table, row["id"], name)
        return cleaned or text
