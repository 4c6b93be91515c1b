"""Reading: the same four questions inside and outside a transaction.

The organisation of the current scope and the absence of deleted rows are added here, in
one place; a service cannot forget them. Writing is in `transaction.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import TypedReturnsRows

from db_utils import context
from db_utils.ids import parse_uuid
from db_utils.statements import Statement, TablePlan, Values, plan, prepare, select_one, select_with
from db_utils.tables import Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")

Answer = Sequence[tuple[Any, ...]]
Key = UUID | str | int | tuple[UUID | str | int, ...]


class Reader(ABC):
    """Reads of visible rows: of the scope's organisation, and not deleted.

    Raises DatabaseUnavailable, StatementTimeout or InvalidText.
    """

    @abstractmethod
    async def _run(self, statement: Statement, values: Values) -> Answer:
        """The rows that *statement* answers, as tuples."""

    async def get(self, model: type[R], key: Key) -> R | None:
        """The row of primary key *key*, None when it does not exist for this scope."""
        return await self._get(model, key, lock=False)

    async def get_with(
        self, model: type[R], key: UUID | str, reference: InstrumentedAttribute[Any]
    ) -> tuple[R, list[Any]] | None:
        """As `get`, with the rows that name it by *reference*, oldest first: one statement."""
        inner: type[Row] = reference.parent.class_
        parent, child = plan(model), plan(inner)
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
        return row, [one for one in children if child.visible(one, scope)]  # type: ignore[return-value]  # a row of C

    @overload
    async def all(self, statement: TypedReturnsRows[T], **named: object) -> list[T]: ...
    @overload
    async def all(self, statement: TypedReturnsRows[T, U], **named: object) -> list[tuple[T, U]]: ...
    @overload
    async def all(self, statement: TypedReturnsRows[T, U, V], **named: object) -> list[tuple[T, U, V]]: ...
    async def all(self, statement: TypedReturnsRows[*tuple[Any, ...]], **named: object) -> list[Any]:
        """Every row of *statement*: instances, single values, or tuples, as it selects."""
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
        """The first row of *statement*, None without one."""
        rows = await self.all(statement, **named)
        return rows[0] if rows else None

    async def _get(self, model: type[R], key: Key, lock: bool) -> R | None:
        table, scope = plan(model), context.scope.get()
        identity = _identity(table, key)
        if identity is None or table.hidden(scope):
            return None
        statement = select_one(table, lock)
        rows = await self._run(statement, statement.values(identity))
        row = table.row(rows[0]) if rows else None
        return row if row and table.visible(row, scope) else None  # type: ignore[return-value]  # plan(model) makes R


def _identity(table: TablePlan, key: Key) -> dict[str, object] | None:
    parts = key if isinstance(key, tuple) else (key,)
    identity: dict[str, object] = {}
    for name, part in zip(table.key, parts, strict=True):
        value: object = part
        if isinstance(part, str) and isinstance(table.table.columns[name].type, Uuid):
            value = parse_uuid(part)
            if value is None:
                return None  # a text that cannot be an id is an id that does not exist
        identity[name] = value
    return identity


def _shaped(parts: tuple[TablePlan | None, ...], rows: Answer) -> list[Any]:
    if len(parts) == 1:
        table = parts[0]
        return [row[0] for row in rows] if table is None else [table.row(row) for row in rows]
    if not any(parts):
        return list(rows)
    return [tuple(_composed(parts, row)) for row in rows]


def _composed(parts: tuple[TablePlan | None, ...], row: Sequence[Any]) -> Iterator[Any]:
    """The entities and values of *row*; None for the optional entity that an outer join lacks."""
    start = 0
    for table in parts:
        end = start + (len(table.names) if table else 1)
        if table is None:
            yield row[start]
        else:
            yield table.row(row[start:end]) if any(value is not None for value in row[start:end]) else None
        start = end
