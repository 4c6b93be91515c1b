"""The row that a unique constraint found in the way of another, looked up by its values."""

from contextlib import suppress

from sqlalchemy import Column, ColumnElement, Constraint, Index, UniqueConstraint, select

from db_utils.errors import Conflict, DatabaseError
from db_utils.reader import Reader
from db_utils.statements import table_plan
from db_utils.tables import Row


async def find_existing(conflict: Conflict, rows: list[Row], reader: Reader) -> None:
    """Set `existing_id` of *conflict* to the id of the row in the way of one of *rows*.

    It stays None when several of *rows* may have met the constraint, when the constraint is on an
    expression, when *reader* may not see the row or finds it deleted, and when the database does
    not answer.
    """
    candidates = [(row, place) for row in rows if (place := _place(row, conflict.constraint))]
    if conflict.existing_id is not None or len(candidates) != 1:
        return
    row, place = candidates[0]
    with suppress(DatabaseError):
        identity = table_plan(type(row)).table.columns["id"]
        conflict.existing_id = await reader.one(select(identity).where(*place))


def _place(row: Row, constraint: str) -> list[ColumnElement[bool]]:
    """The criteria of the row in the way of *row*; empty when *constraint* does not name columns."""
    table = table_plan(type(row)).table
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
    """The criterion of the rows that a partial index holds."""
    where = unique.dialect_options["postgresql"].get("where") if isinstance(unique, Index) else None
    return [] if where is None else [where]
