"""Who holds the place: the row that a unique constraint found in the way of another."""

from contextlib import suppress

from sqlalchemy import Column, ColumnElement, Constraint, Index, UniqueConstraint, select

from db_utils.errors import Conflict, DatabaseError
from db_utils.reader import Reader
from db_utils.statements import plan
from db_utils.tables import Row


async def explained(conflict: Conflict, rows: list[Row], reader: Reader) -> None:
    """Complete *conflict* with the id of the row in the way of one of *rows*, as far as *reader* may see it.

    It stays None when several rows were sent, when the constraint is on an expression, when
    the row belongs to somebody else or is gone again, and when the database cannot be asked.
    """
    found = [(row, place) for row in rows if (place := _place(row, conflict.constraint))]
    if conflict.existing_id is not None or len(found) != 1:
        return
    row, place = found[0]
    with suppress(DatabaseError):
        identity = plan(type(row)).table.columns["id"]
        conflict.existing_id = await reader.one(select(identity).where(*place))


def _place(row: Row, constraint: str) -> list[ColumnElement[bool]]:
    """What a row must satisfy to be in the way of *row*; nothing when that cannot be said."""
    table = plan(type(row)).table
    if "id" not in table.columns:
        return []
    places: list[Index | Constraint] = [*table.indexes, *table.constraints]
    for unique in places:
        if unique.name == constraint and (columns := _columns(unique)):
            return [*(column == row.__dict__[column.key] for column in columns), *_condition(unique)]
    return []


def _columns(unique: Index | Constraint) -> list[Column[object]]:
    parts = unique.columns if isinstance(unique, UniqueConstraint) else getattr(unique, "expressions", [])
    return list(parts) if all(isinstance(part, Column) for part in parts) else []


def _condition(unique: Index | Constraint) -> list[ColumnElement[bool]]:
    """Of a partial index, which rows it holds."""
    where = unique.dialect_options["postgresql"].get("where") if isinstance(unique, Index) else None
    return [] if where is None else [where]
