"""The criteria of visibility, written into every SELECT, UPDATE and DELETE: living rows of the scope.

They are added while SQLAlchemy compiles a statement, so that they reach all of its parts
(subqueries, unions, EXISTS, both sides of a join) and no service can forget them.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, String, Table, and_, bindparam, or_
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import Join
from sqlalchemy.sql.selectable import Alias, FromClause

from db_utils.tables import DELETED_COLUMN, ORGANISATION_COLUMN

ORGANISATION: Final = "_organisation"  # the parameter that scoped statements take


class _LivingRows(PGCompiler_psycopg):
    """A compiler that hides deleted rows."""

    scoped = False

    def visit_select(self, select_stmt: Any, *rest: Any, **options: Any) -> str:
        sources = (source for clause in select_stmt.get_final_froms() for source in _certain(clause))
        visible = select_stmt.where(*self._criteria(sources))
        return str(super().visit_select(visible, *rest, **options))  # type: ignore[no-untyped-call]  # untyped there

    def visit_join(self, join: Any, *rest: Any, **options: Any) -> str:
        if join.full:
            raise TypeError("FULL JOIN has no place for the criteria of visibility: write a union")
        if join.isouter:
            # In WHERE they would drop the rows that have no partner on the optional side.
            criteria = self._criteria(_certain(join.right))
            join = Join(join.left, join.right, and_(join.onclause, *criteria), isouter=True)
        return str(super().visit_join(join, *rest, **options))  # type: ignore[no-untyped-call]  # untyped there

    def visit_update(self, update_stmt: Any, *rest: Any, **options: Any) -> str:
        return str(super().visit_update(self._changing(update_stmt), *rest, **options))

    def visit_delete(self, delete_stmt: Any, *rest: Any, **options: Any) -> str:
        changing = self._changing(delete_stmt)
        return str(super().visit_delete(changing, *rest, **options))  # type: ignore[no-untyped-call]  # untyped there

    def _changing(self, statement: Any) -> Any:
        others = (source for part in statement._where_criteria for source in part._from_objects)
        return statement.where(*self._criteria(dict.fromkeys([statement.table, *others])))

    def _criteria(self, sources: Iterable[FromClause]) -> list[ColumnElement[bool]]:
        return [criterion for source in sources for criterion in _visibility(source, self.scoped)]


class _VisibleRows(_LivingRows):
    """A compiler that hides deleted rows and those of other organisations."""

    scoped = True


def _certain(clause: FromClause) -> Iterator[FromClause]:
    """The tables of *clause* that no outer join makes optional."""
    if not isinstance(clause, Join):
        yield clause
        return
    yield from _certain(clause.left)
    if not clause.isouter:
        yield from _certain(clause.right)


def _visibility(source: FromClause, scoped: bool) -> list[ColumnElement[bool]]:
    table = source.element if isinstance(source, Alias) else source
    if not isinstance(table, Table):
        return []  # a subquery, whose own SELECT is compiled by the same compiler
    criteria: list[ColumnElement[bool]] = []
    if scoped and ORGANISATION_COLUMN in source.c:
        column = source.c[ORGANISATION_COLUMN]
        own = column == bindparam(ORGANISATION, type_=String)
        criteria.append(or_(own, column.is_(None)) if column.nullable else own)
    if DELETED_COLUMN in source.c:
        criteria.append(source.c[DELETED_COLUMN].is_(None))
    return criteria


class _LivingDialect(PGDialect_psycopg):
    statement_compiler = _LivingRows


class _VisibleDialect(PGDialect_psycopg):
    statement_compiler = _VisibleRows


ALL_ROWS: Final[Dialect] = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]  # untyped there
LIVING_ROWS: Final[Dialect] = _LivingDialect(paramstyle="format")  # type: ignore[no-untyped-call]  # untyped there
VISIBLE_ROWS: Final[Dialect] = _VisibleDialect(paramstyle="format")  # type: ignore[no-untyped-call]  # untyped there
