"""Who holds the place: the row that a unique constraint found in the way of another."""

from uuid import UUID

from sqlalchemy import Column, Constraint, Index, Table, UniqueConstraint, select

from db_utils.reader import Reader
from db_utils.statements import plan
from db_utils.tables import Row


async def occupant(reader: Reader, rows: list[Row], constraint: str) -> UUID | str | None:
    """The id of the row in the way of one of *rows*, as far as the scope may see it.

    None when several rows were sent, when the constraint is on an expression, or when
    the row belongs to somebody else or is gone again.
    """
    found = [(row, columns) for row in rows if (columns := _columns(plan(type(row)).table, constraint))]
    if len(found) != 1:
        return None
    row, columns = found[0]
    table = plan(type(row)).table
    identity = table.columns["id"]
    criteria = [column == row.__dict__[column.key] for column in columns]
    held: UUID | str | None = await reader.one(select(identity).where(*criteria))
    return held


def _columns(table: Table, constraint: str) -> list[Column[object]]:
    if "id" not in table.columns:
        return []
    places: list[Index | Constraint] = [*table.indexes, *table.constraints]
    for unique in places:
        if unique.name != constraint:
            continue
        parts = unique.columns if isinstance(unique, UniqueConstraint) else getattr(unique, "expressions", [])
        return list(parts) if all(isinstance(part, Column) for part in parts) else []
    return []
