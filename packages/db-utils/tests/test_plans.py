"""Plans of statements whose tables were empty when they were planned and have grown since."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from db_utils import Connection, Database, Listing, PageRequest, uuid7
from psycopg import sql
from sqlalchemy import select
from tests.essais import SCHEMA, Fiche, Piece, essai_database, pool_of, scoped

_USES = 10  # more than the five after which the server keeps one plan for all values
_FILL = """
INSERT INTO fiches (id, organisation_id, code, nom, etat, rang, grand, montant, jour, donnees, etiquettes,
    created_at, updated_at, version)
SELECT gen_random_uuid(), 'org-' || o, 'F' || n, '', 'OUVERTE', 0, 0, 0, '2026-01-01', '{}', '{}',
    now() + n * interval '1 second', now(), 1
FROM generate_series(1, 200) o, generate_series(1, 100) n;
INSERT INTO pieces (id, organisation_id, fiche_id, genre, libelle, created_at, updated_at, version)
SELECT gen_random_uuid(), organisation_id, id, 'AUTRE', '', now(), now(), 1
FROM fiches, generate_series(1, 3)"""

_LAST_QUERY = """
SELECT query FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'crm-essai'"""

Use = Callable[[Database, UUID], Awaitable[object]]


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Database]:
    """A database whose tables have never held a row, with one connection that keeps its plans."""
    database = Database(essai_database(tmp_path), SCHEMA, pool_size=1)
    with psycopg.connect(database.url, autocommit=True) as owner:  # nobody corrects a plan meanwhile
        for table in ("fiches", "pieces"):
            name = sql.Identifier(SCHEMA, table)
            owner.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = false)").format(name))
    await database.open()
    yield database
    await database.close()


def fill(database: Database) -> None:
    """20,000 rows and 60,000 parts, as after an import."""
    options = f"-c search_path={SCHEMA}"
    with psycopg.connect(database.url, autocommit=True, options=options) as owner:
        owner.execute(_FILL)


async def get(database: Database, key: UUID) -> object:
    return await database.read().get(Fiche, key)


async def get_locked(database: Database, key: UUID) -> object:
    async with database.transaction() as tx:
        return await tx.get(Fiche, key, lock=True)


async def get_with(database: Database, key: UUID) -> object:
    return await database.read().get_with(Fiche, key, Piece.fiche_id)


async def change(database: Database, key: UUID) -> object:
    async with database.transaction() as tx:
        row = await tx.get(Fiche, key)
        return row and await tx.update(row, rang=row.rang + 1)


@pytest.mark.parametrize("use", [get, get_locked, get_with, change])
async def test_a_statement_by_key_reads_by_key_though_it_was_planned_on_an_empty_table(
    empty: Database, use: Use
) -> None:
    """The plans that the server keeps are right for any size of table."""
    fresh = Fiche(organisation_id="org-x", code="x")
    async with empty.transaction() as tx:
        await tx.insert(fresh)
    for _ in range(_USES):
        await use(empty, fresh.id)
    fill(empty)
    kept = await kept_plans(empty)
    assert kept
    for plan in kept:
        assert "Index Scan" in plan, plan
        assert "Seq Scan" not in plan, plan


async def kept_plans(database: Database) -> list[str]:
    """The plans of the prepared statements of the one connection, but for those of inserts."""
    connection = await pool_of(database).acquire()
    try:
        cursor = await connection.execute(
            "SELECT name, generic_plans, cardinality(parameter_types) FROM pg_prepared_statements"
            " WHERE statement ~ '^(SELECT|UPDATE) ' AND statement ~ 'fiches'",
            prepare=False,
        )
        statements = await cursor.fetchall()
        assert all(generic for _, generic, _ in statements)
        return [await explained(connection, name, number) for name, _, number in statements]
    finally:
        pool_of(database).release(connection)


async def explained(connection: Connection, name: str, parameters: int) -> str:
    """The plan that the server has kept for the prepared statement *name*."""
    nothing = sql.SQL(", ").join([sql.NULL] * parameters)
    execute = sql.SQL("EXPLAIN EXECUTE {} ({})").format(sql.Identifier(name), nothing)
    return "\n".join(line for (line,) in await (await connection.execute(execute, prepare=False)).fetchall())


async def test_the_parts_of_a_row_are_found_within_its_organisation(empty: Database) -> None:
    """Indexes begin with the organisation (C12), so that the join names it too."""
    for _ in range(_USES):
        await get_with(empty, uuid7())
    (plan,) = await kept_plans(empty)
    (parts,) = (line for line in plan.splitlines() if "Index Cond" in line and "fiche_id" in line)
    assert "organisation_id" in parts, plan


async def test_C08_a_page_far_down_starts_at_its_place(empty: Database) -> None:
    """The index is entered at the place of the page; rows before it are neither sorted nor counted."""
    listing = Listing(Fiche, sorts=("code",))
    fill(empty)
    with psycopg.connect(empty.url, autocommit=True, options=f"-c search_path={SCHEMA}") as owner:
        owner.execute("ANALYZE fiches")
        with scoped("org-7"):
            first = await listing.page(empty.read(), PageRequest(5))
            await listing.page(empty.read(), PageRequest(5, first.next_token))
        last = owner.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'crm-essai'"
        ).fetchone()
        assert last is not None
        explain = sql.SQL("EXPLAIN (GENERIC_PLAN) ") + sql.SQL(last[0])
        plan = "\n".join(line for (line,) in owner.execute(explain).fetchall())
    assert "Index Scan using uq_fiche_code" in plan
    assert "Index Cond: (((organisation_id)::text = ($3)::text) AND ((code)::text >= ($1)::text))" in plan


async def test_statements_that_are_not_by_key_keep_no_plan(empty: Database) -> None:
    """Nothing of them stays prepared at the server."""
    for _ in range(_USES):
        await empty.read().all(select(Fiche).where(Fiche.id == uuid7(), Fiche.rang == 1))
    connection = await pool_of(empty).acquire()
    cursor = await connection.execute("SELECT statement FROM pg_prepared_statements", prepare=False)
    assert await cursor.fetchall() == []
    pool_of(empty).release(connection)
