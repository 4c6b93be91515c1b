"""Callbacks after commits: they wake jobs and keep caches in step with their tables."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy.sql.selectable import FromClause

from db_utils.tables import Row


class Followers:
    """The callbacks of one database. They run on the event loop, in the order of registration."""

    def __init__(self) -> None:
        self._by_table: dict[FromClause, list[Callable[[], None]]] = {}
        self._by_model: dict[type[Row], list[Callable[[Any], None]]] = {}

    def on_written(self, model: type[Row], callback: Callable[[], None]) -> None:
        """See `Database.on_written`."""
        self._by_table.setdefault(model.__table__, []).append(callback)

    def on_changed(self, model: type[Row], callback: Callable[[Any], None]) -> None:
        """See `Database.on_changed`."""
        self._by_model.setdefault(model, []).append(callback)

    def tell(self, tables: Iterable[FromClause], rows: Sequence[Row]) -> None:
        """Report a commit that changed *tables* by statements and wrote *rows*."""
        written = set(tables)
        for row in rows:
            written.add(row.__table__)
        for table in written:
            for callback in self._by_table.get(table, ()):
                callback()
        for row in rows:
            for changed in self._by_model.get(type(row), ()):
                changed(row)
