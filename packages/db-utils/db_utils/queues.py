"""Tables that are queues, as somebody who watches them asks: how many rows wait, and since when.

A table is a queue when it has the column `prochain_essai`; its rows wait while that is not NULL. One
with another criterion names it in SQL: `__waiting__ = "status = 'dead'"`. The rows of a queue with the
column `etat` or `statut` are counted by state; `__counted__ = ("statut", ("REJETEE",))` has a table count
the rows that come into these states, which need not be a queue.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, MetaData, Select, bindparam, func, select, text
from sqlalchemy.sql.elements import TextClause

from db_utils.database import Database
from db_utils.tables import Choice, Row

MOST: Final = 10_000  # rows; counted, this number stands for itself and more
_DUE = "prochain_essai"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows of a queue: how many are *waiting*, the *oldest* one's instant, and the first one's *due* instant.

    The oldest is the one written first where rows know that (`created_at`),
    else the one that is due first.
    """

    waiting: int
    oldest: datetime | None
    due: datetime | None


def queues_of(tables: Iterable[MetaData]) -> list[type[Row]]:
    """The classes of those of *tables* that are queues, by the names of their tables."""
    return _models(tables, lambda model: _DUE in model.__table__.c or hasattr(model, "__waiting__"))


def counted_of(tables: Iterable[MetaData]) -> dict[type[Row], tuple[str, tuple[str, ...]]]:
    """The classes of those of *tables* whose rows are counted by state, with the column and its states."""
    models = _models(tables, lambda model: bool(_states(model)))
    return {model: states for model in models if (states := _states(model))}


def _models(tables: Iterable[MetaData], wanted: Callable[[type[Row]], bool]) -> list[type[Row]]:
    known = set(tables)
    models: list[type[Row]] = [mapper.class_ for mapper in Row.registry.mappers]
    found = [model for model in models if model.metadata in known and wanted(model)]
    return sorted(found, key=lambda model: model.__tablename__)  # the registry is a set: its order varies


def _states(model: type[Row]) -> tuple[str, tuple[str, ...]] | None:
    declared: tuple[str, tuple[str, ...]] | None = getattr(model, "__counted__", None)
    if declared is not None or _DUE not in model.__table__.c:
        return declared
    columns: Any = model.__table__.c
    named = next((name for name in ("etat", "statut") if name in columns), "")
    kind = columns[named].type if named else None
    return (named, kind.values) if isinstance(kind, Choice) else None


async def backlog(database: Database, model: type[Row], *, most: int = MOST) -> Backlog:
    """What waits in the queue of *model*, of which *most* rows are read and counted, by an index."""
    found = await database.read().one(_statement(model), most=most)
    assert found is not None
    return Backlog(*found)


@cache
def _statement(model: type[Row]) -> Select[int, Any, Any]:
    table: Any = model.__table__
    columns = table.c
    due = columns.get(_DUE, columns.get("created_at"))
    order = due if _DUE in columns else next(iter(table.primary_key.columns))
    waiting = _waiting(model, due)
    rows = select(columns.get("created_at", due).label("since"), due.label("due")).where(waiting)
    first = rows.order_by(order).limit(bindparam("most", type_=Integer)).subquery()
    return select(func.count(), func.min(first.c.since), func.min(first.c.due)).select_from(first)


def _waiting(model: type[Row], due: Any) -> ColumnElement[bool] | TextClause:
    named: str | None = getattr(model, "__waiting__", None)
    criterion: ColumnElement[bool] = due.is_not(None)
    return criterion if named is None else text(named)
