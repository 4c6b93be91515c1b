"""Hazards of a migration for the former version, which still runs while it is applied.

They are found by comparing the catalogue before and after: a column or index that the former
version uses is gone, a value that it writes is refused, or a table is locked while it is rewritten
or an index is built. A migration with hazards declares `incompatible = "why, and what to do"`, or
`compatible = "why the former version can live with it"`. docs/operations.md tells how changes are
made in steps.
"""

import re
import uuid
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql

from db_utils.migrations.running import Schema, upgrade

_TABLES = """
SELECT oid, relname, pg_relation_filenode(oid) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'"""
_COLUMNS = """
SELECT attrelid, attnum, attname, format_type(atttypid, atttypmod), atttypid::regtype::text, attnotnull,
       atthasdef OR attidentity <> '' OR attgenerated <> ''
FROM pg_attribute WHERE attrelid = ANY(%s) AND attnum > 0 AND NOT attisdropped"""
_INDEXES = """
SELECT indrelid, relname, pg_relation_filenode(indexrelid), indisunique, indkey::int[],
       pg_index.xmin = pg_current_xact_id()::xid
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = ANY(%s)"""
_CONSTRAINTS = """
SELECT conrelid, conname, coalesce(conkey, '{}')::int[], pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ANY(%s) AND contype IN ('c', 'f')"""
_SPELLING = re.compile(r"::[a-z ]+(\[\])?|[()\s]")  # casts and blanks: they differ once a column is wider


@dataclass(frozen=True, slots=True)
class Judgement:
    """The hazards of a migration for the former version, and the reason that the migration declares."""

    migration: str
    hazards: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    base: str
    required: bool
    supplied: bool  # the server has a value for it when the writer names none


@dataclass(frozen=True, slots=True)
class _Index:
    table: int
    name: str
    file: int
    unique: bool
    columns: frozenset[int]
    within: bool  # built within the transaction of the migration, which blocks writers meanwhile


@dataclass(frozen=True, slots=True)
class _Constraint:
    table: int
    name: str
    columns: frozenset[int]
    rule: str


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    file: int
    columns: Mapping[int, _Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    tables: Mapping[int, _Table] = field(default_factory=dict)
    # By name, because widening a column gives its indexes and constraints new ids without any work.
    indexes: Mapping[str, _Index] = field(default_factory=dict)
    constraints: Mapping[tuple[int, str], _Constraint] = field(default_factory=dict)


def judgements(url: str, schema: Schema) -> list[Judgement]:
    """The judgements of all migrations of *schema*, in order. Raises MigrationError.

    They are run in a scratch schema, which is dropped again; *url* must name an owner.
    """
    scratch = f"judged_{uuid.uuid4().hex[:12]}"
    found: list[Judgement] = []
    before = _Catalogue()

    def judge(*, ctx: Any, step: Any, heads: object, run_args: object) -> None:
        nonlocal before
        after = _read(ctx.connection.connection.driver_connection)
        found.append(Judgement(step.up_revision.revision, tuple(_hazards(before, after)), _reason(step)))
        before = after

    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(scratch)))
        try:
            upgrade(url, replace(schema, name=scratch), (judge,))
        finally:
            owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(scratch)))
    return found


def _reason(step: Any) -> str:
    module = step.up_revision.module
    return str(getattr(module, "incompatible", "") or getattr(module, "compatible", ""))


def _read(connection: psycopg.Connection) -> _Catalogue:
    tables = {oid: _Table(name, file, {}) for oid, name, file in connection.execute(_TABLES).fetchall()}
    columns: dict[int, dict[int, _Column]] = {oid: {} for oid in tables}
    for table, number, *facts in connection.execute(_COLUMNS, (list(tables),)).fetchall():
        columns[table][number] = _Column(*facts)
    made = (list(tables),)
    indexes = [
        _Index(table, name, file, unique, frozenset(key), within)
        for table, name, file, unique, key, within in connection.execute(_INDEXES, made).fetchall()
    ]
    constraints = [
        _Constraint(table, name, frozenset(key), _SPELLING.sub("", rule))
        for table, name, key, rule in connection.execute(_CONSTRAINTS, made).fetchall()
    ]
    return _Catalogue(
        {oid: replace(table, columns=columns[oid]) for oid, table in tables.items()},
        {index.name: index for index in indexes},
        {(constraint.table, constraint.name): constraint for constraint in constraints},
    )


def _hazards(before: _Catalogue, after: _Catalogue) -> Iterator[str]:
    added: dict[int, Set[int]] = {}  # the new columns of each table that was there before
    for oid, table in before.tables.items():
        now = after.tables.get(oid)
        if now is None:
            yield f"table {table.name} is gone"
        elif now.name != table.name:
            yield f"table {table.name} is renamed to {now.name}"
        else:
            added[oid] = now.columns.keys() - table.columns.keys()
            yield from _in_table(table, now)
    yield from _in_former_indexes(before, after, added.keys())
    yield from _in_new_indexes(before, after, added)
    for name, constraint in after.constraints.items():
        former = before.constraints.get(name)
        if former is not None and former.rule == constraint.rule:
            continue
        if constraint.table in added and not constraint.columns <= added[constraint.table]:
            yield f"constraint {constraint.name} may refuse what the former version writes"


def _in_table(table: _Table, now: _Table) -> Iterator[str]:
    if now.file != table.file:
        yield f"table {table.name} is rewritten, and nobody can use it meanwhile"
    for number, column in table.columns.items():
        new = now.columns.get(number)
        where = f"column {table.name}.{column.name}"
        if new is None:
            yield f"{where} is gone"
        elif new.name != column.name:
            yield f"{where} is renamed to {new.name}"
        else:
            yield from (f"{where} {change}" for change in _in_column(column, new))
    for number in now.columns.keys() - table.columns.keys():
        column = now.columns[number]
        if column.required and not column.supplied:
            yield f"column {table.name}.{column.name} is required, and the former version does not write it"


def _in_column(column: _Column, new: _Column) -> Iterator[str]:
    if new.base != column.base and (column.base, new.base) != ("character varying", "text"):
        yield f"changes its type from {column.type} to {new.type}"
    if new.required and not column.required:
        yield "is required from now on, and the former version may leave it out"
    if new.required and column.supplied and not new.supplied:
        yield "loses its default, on which the former version may count"


def _in_former_indexes(before: _Catalogue, after: _Catalogue, kept: Set[int]) -> Iterator[str]:
    for name, index in before.indexes.items():
        now = after.indexes.get(name)
        if index.table in kept and now is None:
            yield f"index {name} is gone"
        elif now is not None and now.file != index.file:
            yield f"index {name} is built anew, and nobody can use its table meanwhile"


def _in_new_indexes(before: _Catalogue, after: _Catalogue, added: Mapping[int, Set[int]]) -> Iterator[str]:
    for name in after.indexes.keys() - before.indexes.keys():
        new = after.indexes[name]
        if new.table in added and new.within:
            yield f"index {name} is built while nobody can write: use db_utils.migrations.build_index"
        if new.table in added and new.unique and not new.columns <= added[new.table]:
            yield f"index {name} may refuse what the former version writes"
