"""Migrations of tables in use: they wait for other transactions and do not block calls."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from db_utils.migrations import MigrationError, Patience, wait_for_server
from service_kit.embedded import free_port
from service_testing import eventually
from tests.projects import Project

_WIDEN = 'op.execute("ALTER TABLE un ADD COLUMN nom text")'
_COLUMNS = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'un' AND column_name = 'nom'"
_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'projet.ix_un'::regclass"


@contextmanager
def in_use(project: Project, statement: str = "SELECT * FROM projet.un") -> Iterator[None]:
    """A transaction that has run *statement* is open inside."""
    with psycopg.connect(project.url) as connection:
        connection.execute(statement)
        yield


def ask(project: Project, question: str) -> object:
    """The one value that *question* answers, on a connection of its own."""
    with psycopg.connect(project.url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    return row and row[0]


async def test_a_migration_that_waits_for_a_table_lets_calls_pass(project: Project) -> None:
    """It tells why it waits and ends after the long transaction."""
    project.migrate()
    project.add("0002_deux", _WIDEN, after="0001_un")
    told: list[str] = []
    with in_use(project):
        migrating = asyncio.create_task(asyncio.to_thread(project.migrate, Patience(30, told.append)))
        await eventually(lambda: told)
        assert await asyncio.to_thread(ask, project, "SELECT count(*) FROM projet.un") == 0
        assert not migrating.done()
    assert await migrating == ["projet"]
    assert len(told) == 1
    assert "0002_deux failed, nothing of it was changed: canceling statement due to lock timeout" in told[0]
    assert ask(project, _COLUMNS) == 1


def test_a_migration_does_not_wait_for_ever(project: Project) -> None:
    """Its error says what to do, and the next run continues where it stopped."""
    project.migrate()
    project.add("0002_deux", 'op.execute("CREATE TABLE deux (id int)")', after="0001_un")
    project.add("0003_trois", _WIDEN, after="0002_deux")
    with in_use(project), pytest.raises(MigrationError, match=r"0003_trois.*end the transaction that holds"):
        project.migrate(Patience(0))
    assert (project.tables(), ask(project, _COLUMNS)) == (["alembic_version", "deux", "un"], 0)
    project.migrate()
    assert ask(project, _COLUMNS) == 1


async def test_an_index_is_built_while_rows_are_written(project: Project) -> None:
    """It waits for a transaction as long as that lasts; a second run waits for the first."""
    project.migrate()
    project.add("0002_deux", 'build_index("ix_un", "un (id)")', after="0001_un")
    with in_use(project, "INSERT INTO projet.un VALUES (1)"):
        runs = [asyncio.create_task(asyncio.to_thread(project.migrate)) for _ in range(2)]
        await eventually(lambda: ask(project, "SELECT to_regclass('projet.ix_un')"))
        ask(project, "INSERT INTO projet.un VALUES (2) RETURNING id")
    assert sorted(await asyncio.gather(*runs)) == [[], ["projet"]]
    assert ask(project, _VALID) is True


def test_an_index_that_could_not_be_built_is_built_by_the_next_run(project: Project) -> None:
    """The invalid index of the failed run is removed first."""
    project.migrate()
    project.add("0002_deux", 'build_index("ix_un", "un (id)", unique=True)', after="0001_un")
    ask(project, "INSERT INTO projet.un VALUES (1), (1) RETURNING id")
    with pytest.raises(MigrationError, match="could not create unique index"):
        project.migrate()
    assert ask(project, _VALID) is False
    ask(project, "DELETE FROM projet.un RETURNING id")
    project.migrate()
    assert ask(project, _VALID) is True


def test_a_server_that_is_away_is_waited_for_within_bounds() -> None:
    """The reason is told once."""
    told: list[str] = []
    nowhere = f"host=127.0.0.1 port={free_port()} dbname=crm"
    with pytest.raises(MigrationError, match="no connection to PostgreSQL"):
        wait_for_server(nowhere, Patience(1.1, told.append))
    assert len(told) == 1
