"""One database with the schema `essai` for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from db_utils import Database
from psycopg import sql
from tests.essais import SCHEMA, essai_database
from tests.projects import Project

_numbers = count(1)


@pytest.fixture(scope="package")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The connection string of the owner of the schema."""
    url = essai_database(tmp_path_factory.mktemp("essai"))
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '20ms'").format(name))
    return url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The schema as its service opens it, with three connections."""
    database = Database(url, SCHEMA, pool_size=3)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def owner(url: str) -> Iterator[psycopg.Connection]:
    """A connection of the owner, who sees every row without the criteria of the kernel."""
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={SCHEMA}") as connection:
        yield connection


@pytest.fixture
def org() -> str:
    """The id of an organisation that no other test uses."""
    return f"org-essai-{next(_numbers)}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A schema with one migration that makes a table."""
    project = Project(tmp_path)
    project.add("0001_un", 'op.execute("CREATE TABLE un (id int)")')
    return project
