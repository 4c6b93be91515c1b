"""SQLAlchemy expressions compiled once into what psycopg runs: SQL as bytes, and how to fill it.

SQLAlchemy's cache key recognises statements of the same shape, so that each shape is compiled
once per process. Nothing here touches the network. Read `reader.py` next.
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

_LIMIT = 4096  # shapes; a service has some hundreds

Values = list[object]


@dataclass(frozen=True, slots=True)
class Argument:
    """One placeholder: a named parameter, or the literal at *position* in the cache key.

    *convert* makes of a value what psycopg takes; None where the value is taken as it is.
    """

    name: str
    position: int | None
    convert: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `%s` placeholders, the *arguments* that fill them, and the form of its answer.

    *keyed*: the statement names its rows by primary key. One plan is right for all values, and
    the server keeps it. Other statements are planned at each run, because a plan made while a
    table was empty, or for a small organisation, would read whole indexes later on.
    *scoped*: one of the arguments is the organisation of the scope.
    *target*: the table that the statement writes, None for a read.
    *parts*: what a row of the answer consists of, in order: the columns of a table, or a single
    value (None).
    """

    sql: bytes
    arguments: tuple[Argument, ...]
    keyed: bool = False
    parts: "tuple[TablePlan | None, ...]" = ()
    scoped: bool = False
    target: Table | None = None

    def values(self, named: Mapping[str, object], literals: Sequence[BindParameter[Any]] = ()) -> Values:
        """The values of the placeholders, in order. Raises TypeError when one is missing in *named*."""
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


# A dict that is emptied when it is full. An LRU cache would hash the cache key, a deep tuple, at
# each step of its bookkeeping: with that of cachetools `prepare` takes 13 µs instead of 3 (measured).
_prepared: dict[tuple[Any, bool], Statement] = {}


def prepare(
    statement: ClauseElement, named: Mapping[str, object], scope: Scope
) -> tuple[Statement, Values] | None:
    """The compiled form of *statement* in *scope* and its values; None when no row is visible in *scope*.

    Raises TypeError for a statement that cannot be compiled once or cannot be scoped, and
    OrganisationRequired.
    """
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
    if scope.by_id and (entry.scoped or ORGANISATION_COLUMN in getattr(entry.target, "columns", ())):
        raise OrganisationRequired(str(entry.sql))
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
    """A statement on rows named by primary key, without the criteria of visibility.

    Its caller must check `TablePlan.visible`.
    """
    return _compile(statement, ALL_ROWS, keyed=True)


def _parts(statement: ClauseElement) -> "tuple[TablePlan | None, ...]":
    if isinstance(statement, Select):
        kinds = [column["type"] for column in statement.column_descriptions]
    elif isinstance(statement, UpdateBase):
        kinds = [_returned(part) for part in statement._returning]
    else:
        kinds = list(cast(CompoundSelect[Any], statement).selected_columns)
    return tuple(
        table_plan(kind) if isinstance(kind, type) and issubclass(kind, Row) else None for kind in kinds
    )


def _returned(part: Any) -> Any:
    """The class or the column in RETURNING; SQLAlchemy's own description lists columns only."""
    return part._annotations["parententity"].class_ if isinstance(part, FromClause) else part


class TablePlan:
    """A table class as the kernel uses it: its columns, its checks and its basic statements."""

    def __init__(self, model: type[Row]) -> None:
        configure_mappers()  # or the attributes of rows made by `row` would not work
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
        self._choices = {c.key: c.type.values for c in self.written if isinstance(c.type, Choice)}
        self.insert = _keyed(table.insert().inline().values({c.key: bindparam(c.key) for c in self.written}))
        self.insert_if_absent = replace(self.insert, sql=self.insert.sql + b" ON CONFLICT DO NOTHING")

    def row(self, values: Sequence[object]) -> Row:
        """An instance with *values*, those of all columns in the order of the table."""
        row = self.model.__new__(self.model)
        row.__dict__.update(zip(self.names, values, strict=True))
        return row

    def hidden(self, scope: Scope) -> bool:
        """Whether *scope* sees no row of this table at all."""
        return self.tenant and scope.organisation_id is None and not (scope.everything or scope.by_id)

    def need(self, scope: Scope, row: Row | None = None) -> None:
        """Raise OrganisationRequired in a scope that only reads by id, but for a new *row* of the system."""
        if scope.by_id and self.tenant and (row is None or row.__dict__[ORGANISATION_COLUMN] is not None):
            raise OrganisationRequired(self.table.name)

    def visible(self, row: Row, scope: Scope) -> bool:
        """Whether *scope* sees *row*: the rule of `visibility.py`, for rows read by primary key."""
        attributes = row.__dict__
        if self.hidden(scope) or (self.soft and attributes[DELETED_COLUMN] is not None):
            return False
        if scope.everything or scope.by_id or not self.tenant:
            return True
        owner = attributes[ORGANISATION_COLUMN]
        return owner == scope.organisation_id or (owner is None and self.system_rows)

    def check_new(self, row: Row, scope: Scope) -> None:
        """Check a new *row*, which *scope* inserts, and write its text keys into it.

        Raises TextTooLong, UnknownChoice, OrganisationRequired.
        """
        attributes = row.__dict__
        self.check(attributes)
        for name, key in self.keys.items():
            attributes[name] = key.value(attributes)
        organisation = attributes.get(ORGANISATION_COLUMN)
        if self.tenant and (organisation == "" or (organisation is None and not self.system_rows)):
            raise OrganisationRequired(self.table.name)
        self.need(scope, row)

    def check(self, attributes: Mapping[str, Any]) -> None:
        """Raise TextTooLong or UnknownChoice for a value that its column would not take."""
        for key, limit in self._limits.items():
            value = attributes.get(key)
            if value is not None and len(value) > limit:
                raise TextTooLong(key, limit)
        for key, choices in self._choices.items():
            value = attributes.get(key)
            if value is not None and value not in choices:
                raise UnknownChoice(key, choices)


@cache
def select_one(table: TablePlan, lock: bool) -> Statement:
    """SELECT by primary key, deleted and foreign rows included: its caller checks `TablePlan.visible`.

    *lock* is FOR NO KEY UPDATE, which lets others insert rows that refer to this one.
    """
    columns = table.table.columns
    query = table.table.select().where(*(columns[key] == bindparam(key) for key in table.key))
    return _keyed(query.with_for_update(key_share=True) if lock else query)


@cache
def select_with(parent: TablePlan, child: TablePlan, reference: str) -> Statement:
    """SELECT a row of *parent* by primary key, joined with the rows of *child* that refer to it.

    *reference* is the column of *child* that holds the key of its parent.
    """
    columns, inner = parent.table.columns, child.table.columns
    named = inner[reference] == columns[parent.key[0]]
    if parent.tenant and child.tenant and not parent.system_rows:
        # Indexes begin with the organisation (C12): without it a whole index would be read.
        named = and_(inner[ORGANISATION_COLUMN] == columns[ORGANISATION_COLUMN], named)
    joined = outerjoin(parent.table, child.table, named)
    order = [inner[key] for key in ("created_at", "id") if key in inner]
    query = select(parent.table, child.table).select_from(joined)
    return _keyed(query.where(columns[parent.key[0]] == bindparam(parent.key[0])).order_by(*order))


@cache
def update_one(table: TablePlan, changed: tuple[str, ...]) -> Statement:
    """UPDATE by primary key and, where there is one, version; the new values are named `new_<column>`."""
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
def table_plan(model: type[Row]) -> TablePlan:
    """The TablePlan of *model*, made once per process."""
    return TablePlan(model)
