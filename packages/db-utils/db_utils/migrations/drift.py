"""Differences between the tables that migrations make and those that table classes declare."""

import uuid
from collections.abc import Sequence

import psycopg
from psycopg import sql
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import NullPool

_CATALOGUE = """
SELECT 'column', c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || coalesce(CASE WHEN a.attgenerated = '' THEN ' DEFAULT ' ELSE ' GENERATED ' END
                   || pg_get_expr(d.adbin, d.adrelid), '')
       || CASE WHEN a.attidentity = '' THEN '' ELSE ' IDENTITY ' || a.attidentity::text END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', c.relname, k.conname || ' ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = %(schema)s::regnamespace AND k.contype <> 'n'
UNION ALL
SELECT 'index', c.relname, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = %(schema)s::regnamespace
"""


def differences(url: str, schema: str, declared: Sequence[MetaData]) -> list[str]:
    """The differences between the tables of *schema* and those *declared*, one line each.

    Lines with "-" are in the database only, lines with "+" in the classes only. The declared
    tables are made in a scratch schema, which is dropped again; *url* must name the owner.
    """
    scratch = f"drift_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(scratch)))
        try:
            _create(url, scratch, declared)
            migrated, expected = (_describe(connection, name) for name in (schema, scratch))
        finally:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(scratch)))
    return [
        *(f"- {line}" for line in sorted(migrated - expected)),
        *(f"+ {line}" for line in sorted(expected - migrated)),
    ]


def _create(url: str, schema: str, declared: Sequence[MetaData]) -> None:
    def connect() -> psycopg.Connection:
        return psycopg.connect(url, options=f"-c search_path={schema}")

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.begin() as connection:
        for metadata in declared:
            metadata.create_all(connection, checkfirst=False)


def _describe(connection: psycopg.Connection, schema: str) -> set[str]:
    rows = connection.execute(_CATALOGUE, {"schema": schema}).fetchall()
    lines = {" ".join(row).replace(f"{schema}.", "") for row in rows}
    return {line for line in lines if " alembic_version " not in line}
