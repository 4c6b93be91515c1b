"""Reads, the same inside and outside a transaction.

Each read is limited to living rows of the current scope's organisation, so that no service can
forget it: here for reads by primary key, in `visibility.py` for statements. Writing is in
`transaction.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Any, TypeVar, overload
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import TypedReturnsRows

from db_utils import context
from db_utils.ids import parse_uuid
from db_utils.statements import Statement, TablePlan, Values, prepare, select_one, select_with, table_plan
from db_utils.tables import Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")

Answer = Sequence[tuple[Any, ...]]
Key = UUID | str | int | tuple[UUID | str | int | date, ...]


class Reader(ABC):
    """Reads of visible rows: those of the scope's organisation that are not deleted.

    In a scope that only reads by id (`context.BY_ID`), `get` and `get_with` find rows of all
    organisations, and everything else raises OrganisationRequired. Each method raises
    DatabaseUnavailable, StatementTimeout, InvalidText; inside a transaction SerializationConflict too.
    """

    @abstractmethod
    async def _run(self, statement: Statement, values: Values) -> Answer:
        """The rows of the answer to *statement*, as tuples of column values."""

    async def get(self, model: type[R], key: Key) -> R | None:
        """The visible row with the primary key *key*, or None.

        A text that cannot be a UUID names no row of a table with UUIDs (C2).
        """
        return await self._get(model, key, lock=False)

    async def get_with(
        self, model: type[R], key: UUID | str, reference: InstrumentedAttribute[Any]
    ) -> tuple[R, list[Any]] | None:
        """Like `get`, with the visible rows whose column *reference* names the row, the oldest first.

        One statement and one round trip.
        """
        inner: type[Row] = reference.parent.class_
        parent, child = table_plan(model), table_plan(inner)
        scope = context.scope.get()
        identity = _identity(parent, key)
        if identity is None or parent.hidden(scope):
            return None
        statement = select_with(parent, child, reference.key)
        rows = await self._run(statement, statement.values(identity))
        width = len(parent.names)
        if not rows or not parent.visible(row := parent.row(rows[0][:width]), scope):
            return None
        children = [child.row(found[width:]) for found in rows if found[width:] != (None,) * len(child.names)]
        return row, [one for one in children if child.visible(one, scope)]  # type: ignore[return-value]  # rows of the class of *reference*

    @overload
    async def all(self, statement: TypedReturnsRows[T], **named: object) -> list[T]: ...
    @overload
    async def all(self, statement: TypedReturnsRows[T, U], **named: object) -> list[tuple[T, U]]: ...
    @overload
    async def all(self, statement: TypedReturnsRows[T, U, V], **named: object) -> list[tuple[T, U, V]]: ...
    async def all(self, statement: TypedReturnsRows[*tuple[Any, ...]], **named: object) -> list[Any]:
        """All rows of *statement*: instances of table classes, single values, or tuples, as it selects.

        *named* are the values of its `bindparam`s. Without an organisation in the scope the answer
        of a statement on tables of organisations is empty.
        """
        prepared = prepare(statement, named, context.scope.get())
        if prepared is None:
            return []
        return _shaped(prepared[0].parts, await self._run(*prepared))

    @overload
    async def one(self, statement: TypedReturnsRows[T], **named: object) -> T | None: ...
    @overload
    async def one(self, statement: TypedReturnsRows[T, U], **named: object) -> tuple[T, U] | None: ...
    @overload
    async def one(self, statement: TypedReturnsRows[T, U, V], **named: object) -> tuple[T, U, V] | None: ...
    async def one(self, statement: TypedReturnsRows[*tuple[Any, ...]], **named: object) -> Any:
        """The first row of *statement*, in the form of `all`, or None."""
        rows = await self.all(statement, **named)
        return rows[0] if rows else None

    async def _get(self, model: type[R], key: Key, lock: bool) -> R | None:
        table, scope = table_plan(model), context.scope.get()
        if lock:
            table.need(scope)
        identity = _identity(table, key)
        if identity is None or table.hidden(scope):
            return None
        statement = select_one(table, lock)
        rows = await self._run(statement, statement.values(identity))
        row = table.row(rows[0]) if rows else None
        return row if row and table.visible(row, scope) else None  # type: ignore[return-value]  # table_plan(model) makes R


def _identity(table: TablePlan, key: Key) -> dict[str, object] | None:
    parts = key if isinstance(key, tuple) else (key,)
    identity: dict[str, object] = {}
    for name, part in zip(table.key, parts, strict=True):
        value: object = part
        if isinstance(part, str) and isinstance(table.table.columns[name].type, Uuid):
            value = parse_uuid(part)
            if value is None:
                return None
        identity[name] = value
    return identity


def _shaped(parts: tuple[TablePlan | None, ...], rows: Answer) -> list[Any]:
    if len(parts) == 1:
        table = parts[0]
        return [*chain.from_iterable(rows)] if table is None else [table.row(row) for row in rows]
    if not any(parts):
        return list(rows)
    return [tuple(_composed(parts, row)) for row in rows]


def _composed(parts: tuple[TablePlan | None, ...], row: Sequence[Any]) -> Iterator[Any]:
    """The instances and values of *row*; None for an instance that an outer join did not find."""
    start = 0
    for table in parts:
        end = start + (len(table.names) if table else 1)
        if table is None:
            yield row[start]
        else:
            yield table.row(row[start:end]) if any(value is not None for value in row[start:end]) else None
        start = end
