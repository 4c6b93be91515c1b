"""SQLAlchemy expressions turned once into what psycopg runs: bytes, and how to fill them.

SQLAlchemy writes the SQL and its cache key recognises a statement of the same shape, so
a statement costs its compilation once per process. Read `reader.py` next. Nothing here
touches the network.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Select,
    String,
    Table,
    Update,
    bindparam,
    or_,
    outerjoin,
    select,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import configure_mappers
from sqlalchemy.sql import ClauseElement, Join
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import Alias, FromClause

from db_utils.errors import OrganisationRequired, TextTooLong, UnknownChoice
from db_utils.tables import DELETED_COLUMN, ORGANISATION_COLUMN, Choice, Row

_DIALECT: Dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]
_ORGANISATION = "_organisation"
_LIMIT = 4096

Values = list[object]


@dataclass(frozen=True, slots=True)
class Argument:
    """One placeholder: a named parameter, or the literal at *position* of the cache key."""

    name: str
    position: int | None
    convert: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `%s` placeholders, their arguments, and what a row of the answer becomes.

    *keyed* statements name their rows by primary key: one plan is right for all values and
    the server keeps it. The others are planned at each run, because a plan made while a
    table was empty, or for a small organisation, reads whole indexes later on.
    """

    sql: bytes
    arguments: tuple[Argument, ...]
    keyed: bool = False
    model: "TablePlan | None" = None
    scalar: bool = False

    def values(self, named: Mapping[str, object], literals: Sequence[BindParameter[Any]]) -> Values:
        """The placeholder values, in order."""
        values: Values = []
        for argument in self.arguments:
            if argument.name in named:
                value = named[argument.name]
            elif argument.position is not None:
                value = literals[argument.position].effective_value
            else:
                raise TypeError(f"the statement needs a value for {argument.name!r}")
            values.append(argument.convert(value) if argument.convert and value is not None else value)
        return values


_prepared: dict[tuple[Any, bool], Statement] = {}


def prepare(
    statement: ClauseElement, named: Mapping[str, object], organisation: str | None
) -> tuple[Statement, Values]:
    """The compiled form of *statement* and its values; scoped when *organisation* is given."""
    key = statement._generate_cache_key()
    if key is None:
        raise TypeError(f"this statement cannot be cached: {statement}")
    entry = _prepared.get((key.key, organisation is not None))
    if entry is None:
        if len(_prepared) >= _LIMIT:
            _prepared.clear()
        entry = _compile(_visible(statement, organisation is not None), key.bindparams)
        _prepared[key.key, organisation is not None] = entry
    if organisation is not None:
        named = {**named, _ORGANISATION: organisation}
    return entry, entry.values(named, key.bindparams)


def _compile(
    statement: ClauseElement, literals: Sequence[BindParameter[Any]] = (), *, keyed: bool = False
) -> Statement:
    compiled = cast(SQLCompiler, statement.compile(dialect=_DIALECT))
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise TypeError("write `column == any_(bindparam(...))` with a list: IN () cannot be compiled once")
    positions = {literal.key: position for position, literal in enumerate(literals)}
    arguments = []
    for name in compiled.positiontup or ():
        bind = compiled.binds[name]
        convert = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        position = None if bind.required else positions.get(bind.key)
        arguments.append(Argument(bind.key, position, convert))
    model, scalar = _shape(statement)
    return Statement(str(compiled).encode(), tuple(arguments), keyed, model, scalar)


def _shape(statement: ClauseElement) -> tuple["TablePlan | None", bool]:
    described = getattr(statement, "column_descriptions", None) or getattr(
        statement, "returning_column_descriptions", []
    )
    if len(described) != 1:
        return None, False
    entity = described[0]["expr"]
    if isinstance(entity, type) and issubclass(entity, Row):
        return plan(entity), False
    return None, True


def _visible(statement: ClauseElement, scoped: bool) -> ClauseElement:
    if isinstance(statement, Select):
        sources = [source for clause in statement.get_final_froms() for source in _sources(clause)]
    elif isinstance(statement, (Update, Delete)):
        sources = [statement.table]
    else:
        return statement
    for source in sources:
        for criterion in visibility(source, scoped):
            statement = statement.where(criterion)
    return statement


def _sources(clause: FromClause) -> Iterator[FromClause]:
    if not isinstance(clause, Join):
        yield clause
        return
    yield from _sources(clause.left)
    if clause.isouter:
        return  # a filter on the optional side would drop the rows that lack it
    yield from _sources(clause.right)


def visibility(source: FromClause, scoped: bool) -> list[ColumnElement[bool]]:
    """The criteria that hide deleted rows of *source* and, if *scoped*, other organisations'."""
    table = source.element if isinstance(source, Alias) else source
    if not isinstance(table, Table):
        return []
    criteria: list[ColumnElement[bool]] = []
    if scoped and ORGANISATION_COLUMN in source.c:
        column = source.c[ORGANISATION_COLUMN]
        own = column == bindparam(_ORGANISATION, type_=String, required=True)
        criteria.append(or_(own, column.is_(None)) if column.nullable else own)
    if DELETED_COLUMN in source.c:
        criteria.append(source.c[DELETED_COLUMN].is_(None))
    return criteria


class TablePlan:
    """What the kernel knows of a table class: its columns and its basic statements."""

    def __init__(self, model: type[Row]) -> None:
        configure_mappers()  # or the attributes of rows that are read could not be read
        table = model.__table__
        assert isinstance(table, Table)
        self.model, self.table = model, table
        self.written: tuple[Column[Any], ...] = tuple(
            c for c in table.columns if c.identity is None and c.computed is None
        )
        self.names = tuple(column.key for column in table.columns)
        self.key = tuple(column.key for column in table.primary_key.columns)
        self.tenant = ORGANISATION_COLUMN in table.columns
        self.system_rows = self.tenant and bool(table.columns[ORGANISATION_COLUMN].nullable)
        self.soft = DELETED_COLUMN in table.columns
        self.versioned = "version" in table.columns
        self._limits = {
            c.key: c.type.length for c in self.written if isinstance(c.type, String) and c.type.length
        }
        self._choices = {c.key: frozenset(c.type.values) for c in self.written if isinstance(c.type, Choice)}
        self.insert = _compile(
            table.insert().values({c.key: bindparam(c.key) for c in self.written}), keyed=True
        )
        self.insert_if_absent = replace(self.insert, sql=self.insert.sql + b" ON CONFLICT DO NOTHING")

    def row(self, values: Sequence[object]) -> Row:
        """An instance holding *values* of all columns, in the table's order."""
        row = self.model.__new__(self.model)
        row.__dict__.update(zip(self.names, values, strict=True))
        return row

    def visible(self, row: Row, organisation: str | None) -> bool:
        """Whether *row* exists for *organisation* (None: for everybody): `visibility` in Python."""
        attributes = row.__dict__
        if self.soft and attributes[DELETED_COLUMN] is not None:
            return False
        if organisation is None or not self.tenant:
            return True
        owner = attributes[ORGANISATION_COLUMN]
        return owner == organisation or (owner is None and self.system_rows)

    def check_new(self, row: Row) -> None:
        """Refuse a new *row* that its table would not take."""
        attributes = row.__dict__
        self.check(attributes)
        organisation = attributes.get(ORGANISATION_COLUMN)
        if self.tenant and (organisation == "" or (organisation is None and not self.system_rows)):
            raise OrganisationRequired(self.table.name)

    def values(self, row: Row) -> Values:
        """The values of a complete *row*, as the insert takes them."""
        return self.insert.values(row.__dict__, ())

    def check(self, attributes: Mapping[str, Any]) -> None:
        """Refuse texts longer than their columns and values outside closed lists."""
        for key, limit in self._limits.items():
            value = attributes.get(key)
            if value is not None and len(value) > limit:
                raise TextTooLong(key)
        for key, choices in self._choices.items():
            value = attributes.get(key)
            if value is not None and value not in choices:
                raise UnknownChoice(key)


@cache
def select_one(table: TablePlan, lock: bool) -> Statement:
    """SELECT by primary key alone; *lock* keeps other writers waiting. See `TablePlan.visible`."""
    columns = table.table.columns
    query = table.table.select().where(*(columns[key] == bindparam(key) for key in table.key))
    return _compile(query.with_for_update(key_share=True) if lock else query, keyed=True)


@cache
def select_with(parent: TablePlan, child: TablePlan, reference: str) -> Statement:
    """SELECT a row of *parent* by primary key with the rows of *child* whose *reference* names it."""
    columns, inner = parent.table.columns, child.table.columns
    joined = outerjoin(parent.table, child.table, inner[reference] == columns[parent.key[0]])
    order = [inner[key] for key in ("created_at", "id") if key in inner]
    query = select(parent.table, child.table).select_from(joined)
    return _compile(
        query.where(columns[parent.key[0]] == bindparam(parent.key[0])).order_by(*order), keyed=True
    )


@cache
def update_one(table: TablePlan, changed: tuple[str, ...]) -> Statement:
    """UPDATE of the columns *changed* (values `new_<column>`) by primary key and version."""
    columns = table.table.columns
    change = table.table.update().values({key: bindparam(f"new_{key}") for key in changed})
    change = change.where(*(columns[key] == bindparam(key) for key in table.key))
    if table.versioned:
        change = change.where(columns["version"] == bindparam("version"))
    return _compile(change, keyed=True)


@cache
def delete_one(table: TablePlan) -> Statement:
    """DELETE by primary key."""
    columns = table.table.columns
    return _compile(
        table.table.delete().where(*(columns[key] == bindparam(key) for key in table.key)), keyed=True
    )


@cache
def insert_together(tables: tuple[TablePlan, ...]) -> bytes:
    """One statement that inserts a row into each of *tables*: all of them or none."""
    *first, last = (table.insert.sql for table in tables)
    if not first:
        return last
    named = b", ".join(b"w%d AS (%s)" % (number, insert) for number, insert in enumerate(first))
    return b"WITH " + named + b" " + last


_plans: dict[type[Row], TablePlan] = {}


def plan(model: type[Row]) -> TablePlan:
    """The plan of *model*, made once."""
    found = _plans.get(model)
    if found is None:
        found = _plans[model] = TablePlan(model)
    return found
