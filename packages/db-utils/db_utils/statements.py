"""SQLAlchemy expressions turned once into what psycopg runs: bytes, and how to fill them.

SQLAlchemy writes the SQL and its cache key recognises a statement of the same shape, so
a statement costs its compilation once per process. Read `reader.py` next. Nothing here
touches the network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    Column,
    CompoundSelect,
    Select,
    String,
    Table,
    and_,
    bindparam,
    outerjoin,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import configure_mappers
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import FromClause, SelectBase

from db_utils.context import Scope
from db_utils.errors import OrganisationRequired, TextTooLong, UnknownChoice
from db_utils.keys import check_statement, keys_of
from db_utils.tables import DELETED_COLUMN, ORGANISATION_COLUMN, Choice, Row
from db_utils.visibility import ALL_ROWS, LIVING_ROWS, ORGANISATION, VISIBLE_ROWS

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
    table was empty, or for a small organisation, reads whole indexes later on. A *scoped*
    one takes the organisation; *target* is the table that it writes. *parts* are the entities
    and single values (None) of which a row of the answer is made.
    """

    sql: bytes
    arguments: tuple[Argument, ...]
    keyed: bool = False
    parts: "tuple[TablePlan | None, ...]" = ()
    scoped: bool = False
    target: Table | None = None

    def values(self, named: Mapping[str, object], literals: Sequence[BindParameter[Any]] = ()) -> Values:
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
    statement: ClauseElement, named: Mapping[str, object], scope: Scope
) -> tuple[Statement, Values] | None:
    """The compiled form of *statement* in *scope* and its values; None when it can see no row."""
    key = statement._generate_cache_key()
    if key is None:
        raise TypeError(f"this statement cannot be cached: {statement}")
    entry = _prepared.get((key.key, scope.everything))
    if entry is None:
        if not isinstance(statement, (SelectBase, UpdateBase)):
            raise TypeError("write an expression: the rows that a text reads cannot be filtered")
        check_statement(statement)
        if len(_prepared) >= _LIMIT:
            _prepared.clear()
        dialect = LIVING_ROWS if scope.everything else VISIBLE_ROWS
        entry = _prepared[key.key, scope.everything] = _compile(statement, dialect, key.bindparams)
    if entry.scoped:
        if scope.organisation_id is None:
            return None
        named = {**named, ORGANISATION: scope.organisation_id}
    return entry, entry.values(named, key.bindparams)


def _compile(
    statement: ClauseElement,
    dialect: Dialect,
    literals: Sequence[BindParameter[Any]] = (),
    *,
    keyed: bool = False,
) -> Statement:
    compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise TypeError("write `column == any_(bindparam(...))` with a list: IN () cannot be compiled once")
    positions = {literal.key: position for position, literal in enumerate(literals)}
    arguments = []
    for name in compiled.positiontup or ():
        bind = compiled.binds[name]
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        position = None if bind.required else positions.get(bind.key)
        arguments.append(Argument(bind.key, position, convert))
    return Statement(
        str(compiled).encode(),
        tuple(arguments),
        keyed,
        _parts(statement),
        scoped=any(argument.name == ORGANISATION for argument in arguments),
        target=getattr(statement, "table", None) if isinstance(statement, UpdateBase) else None,
    )


def _keyed(statement: ClauseElement) -> Statement:
    """A statement on rows that are named, seen or unseen: whoever runs it checks `TablePlan.visible`."""
    return _compile(statement, ALL_ROWS, keyed=True)


def _parts(statement: ClauseElement) -> "tuple[TablePlan | None, ...]":
    if isinstance(statement, Select):
        kinds = [column["type"] for column in statement.column_descriptions]
    elif isinstance(statement, UpdateBase):
        kinds = [_returned(part) for part in statement._returning]
    else:
        kinds = list(cast(CompoundSelect[Any], statement).selected_columns)
    return tuple(plan(kind) if isinstance(kind, type) and issubclass(kind, Row) else None for kind in kinds)


def _returned(part: Any) -> Any:
    """The class or the column that RETURNING names; SQLAlchemy's own description takes classes apart."""
    return part._annotations["parententity"].class_ if isinstance(part, FromClause) else part


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
        self.keys = keys_of(table)
        self._choices = {c.key: frozenset(c.type.values) for c in self.written if isinstance(c.type, Choice)}
        self.insert = _keyed(table.insert().inline().values({c.key: bindparam(c.key) for c in self.written}))
        self.insert_if_absent = replace(self.insert, sql=self.insert.sql + b" ON CONFLICT DO NOTHING")

    def row(self, values: Sequence[object]) -> Row:
        """An instance holding *values* of all columns, in the table's order."""
        row = self.model.__new__(self.model)
        row.__dict__.update(zip(self.names, values, strict=True))
        return row

    def hidden(self, scope: Scope) -> bool:
        """Whether no row at all exists in *scope*."""
        return self.tenant and not scope.everything and scope.organisation_id is None

    def visible(self, row: Row, scope: Scope) -> bool:
        """Whether *row* exists in *scope*: what `visibility.py` writes in SQL, for rows read by key."""
        attributes = row.__dict__
        if self.hidden(scope) or (self.soft and attributes[DELETED_COLUMN] is not None):
            return False
        if scope.everything or not self.tenant:
            return True
        owner = attributes[ORGANISATION_COLUMN]
        return owner == scope.organisation_id or (owner is None and self.system_rows)

    def check_new(self, row: Row) -> None:
        """Refuse a new *row* that its table would not take; complete it with its keys."""
        attributes = row.__dict__
        self.check(attributes)
        for name, key in self.keys.items():
            attributes[name] = key.value(attributes)
        organisation = attributes.get(ORGANISATION_COLUMN)
        if self.tenant and (organisation == "" or (organisation is None and not self.system_rows)):
            raise OrganisationRequired(self.table.name)

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
    return _keyed(query.with_for_update(key_share=True) if lock else query)


@cache
def select_with(parent: TablePlan, child: TablePlan, reference: str) -> Statement:
    """SELECT a row of *parent* by primary key with the rows of *child* whose *reference* names it."""
    columns, inner = parent.table.columns, child.table.columns
    named = inner[reference] == columns[parent.key[0]]
    if parent.tenant and child.tenant and not parent.system_rows:
        # Indexes begin with the organisation (C12): without it all of them would be read.
        named = and_(inner[ORGANISATION_COLUMN] == columns[ORGANISATION_COLUMN], named)
    joined = outerjoin(parent.table, child.table, named)
    order = [inner[key] for key in ("created_at", "id") if key in inner]
    query = select(parent.table, child.table).select_from(joined)
    return _keyed(query.where(columns[parent.key[0]] == bindparam(parent.key[0])).order_by(*order))


@cache
def update_one(table: TablePlan, changed: tuple[str, ...]) -> Statement:
    """UPDATE of the columns *changed* (values `new_<column>`) by primary key and version."""
    columns = table.table.columns
    change = table.table.update().values({key: bindparam(f"new_{key}") for key in changed})
    change = change.where(*(columns[key] == bindparam(key) for key in table.key))
    if table.versioned:
        change = change.where(columns["version"] == bindparam("version"))
    return _keyed(change)


@cache
def delete_one(table: TablePlan) -> Statement:
    """DELETE by primary key."""
    columns = table.table.columns
    return _keyed(table.table.delete().where(*(columns[key] == bindparam(key) for key in table.key)))


@cache
def insert_together(counts: tuple[tuple[TablePlan, int], ...]) -> Statement:
    """One statement that inserts so many rows into each of the tables: all of them or none.

    Each table is named once. PostgreSQL runs the parts of a WITH list in an order of its own,
    and the numbers that the server gives to rows must follow the order of the rows.
    """
    *first, last = (_insert_many(table.insert.sql, count) for table, count in counts)
    named = b", ".join(b"w%d AS (%s)" % (number, insert) for number, insert in enumerate(first))
    return Statement(b"WITH " + named + b" " + last if first else last, (), keyed=True)


def _insert_many(insert: bytes, count: int) -> bytes:
    into, values, row = insert.partition(b" VALUES ")
    return into + values + b", ".join([row] * count)


@cache
def plan(model: type[Row]) -> TablePlan:
    """The plan of *model*, made once per process."""
    return TablePlan(model)
