"""Migrations of schemas: what is applied, what is refused, and with which privileges."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from db_utils import Database, role_of
from db_utils.migrations import MigrationError, Schema, migrate, outdated
from service_testing import empty_database
from service_testing.servers import postgres
from tests.essais import SCHEMA, essai_schema, pool_of
from tests.projects import Project


def test_a_new_schema_is_made_with_its_role_and_tables(project: Project) -> None:
    """Its name is reported."""
    reported: list[str] = []
    assert migrate(project.url, [project.schema], reported.append) == ["projet"] == reported
    assert project.tables() == ["alembic_version", "un"]


def test_a_second_run_changes_nothing_and_costs_one_query(project: Project) -> None:
    """One query for many schemas, counted in the log of the server."""
    schemas = [Schema(f"projet_{number}", (project.folder,)) for number in range(3)]
    assert len(migrate(project.url, schemas)) == 3
    with psycopg.connect(project.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET log_statement = 'all'")
    start = postgres().log.stat().st_size
    assert migrate(project.url, schemas) == []
    said = postgres().log.read_bytes()[start:].decode()
    assert said.count("LOG:  execute ") + said.count("LOG:  statement: ") == 1


def test_a_new_migration_runs_alone(project: Project) -> None:
    """Those that ran before are not run again."""
    project.migrate()
    project.add("0002_deux", 'op.execute("CREATE TABLE deux (id int)")', after="0001_un")
    assert [schema.name for schema in outdated(project.url, [project.schema])] == ["projet"]
    assert project.migrate() == ["projet"]
    assert project.tables() == ["alembic_version", "deux", "un"]
    assert outdated(project.url, [project.schema]) == []


async def test_of_two_runs_at_once_one_migrates_and_the_other_waits(project: Project) -> None:
    """Both succeed, and each schema is changed once."""
    project.add(
        "0002_deux", 'op.execute("CREATE TABLE deux (id int); SELECT pg_sleep(0.2)")', after="0001_un"
    )
    done = await asyncio.gather(*(asyncio.to_thread(project.migrate) for _ in range(4)))
    assert sorted(done) == [[], [], [], ["projet"]]
    assert project.tables() == ["alembic_version", "deux", "un"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            'op.execute("CREATE TABLE deux (id int)"); op.execute("CREATE TABLE un (id int)")',
            "already exists",
        ),
        ('op.execute("CREATE TABLE deux (id int)"); raise ValueError("pas comme ça")', "pas comme ça"),
        ("op.execute(", "was never closed"),
    ],
    ids=["statement", "python", "syntax"],
)
def test_a_failing_migration_is_named_and_leaves_the_schema_as_it_was(
    project: Project, body: str, reason: str
) -> None:
    """In one sentence; the next run applies the corrected migration."""
    project.migrate()
    project.add("0002_deux", body, after="0001_un")
    project.add("0003_trois", 'op.execute("CREATE TABLE trois (id int)")', after="0002_deux")
    with pytest.raises(MigrationError) as failed:
        project.migrate()
    sentence = str(failed.value)
    assert ("0002_deux" in sentence, reason in sentence, "\n" in sentence) == (True, True, False), sentence
    assert project.tables() == ["alembic_version", "un"]
    project.add("0002_deux", 'op.execute("CREATE TABLE deux (id int)")', after="0001_un")
    assert project.migrate() == ["projet"]
    assert project.tables() == ["alembic_version", "deux", "trois", "un"]


def test_a_first_migration_that_fails_leaves_no_table(project: Project) -> None:
    """And no note of a migration."""
    project.add("0001_un", 'op.execute("CREATE TABLE un (id int)"); raise ValueError')
    with pytest.raises(MigrationError):
        project.migrate()
    assert project.tables() == []
    assert outdated(project.url, [project.schema]) == [project.schema]


def test_a_database_ahead_of_the_code_is_refused(project: Project) -> None:
    """A migration that only the database knows belongs to a later version."""
    project.add("0002_deux", 'op.execute("SELECT 1")', after="0001_un")
    project.migrate()
    (project.folder / "0002_deux.py").unlink()
    with pytest.raises(MigrationError, match="0002_deux"):
        project.migrate()


def test_a_missing_folder_is_said_in_a_sentence(project: Project, tmp_path: Path) -> None:
    """An installation without its migrations is not taken for up to date."""
    absent = Schema("absent", (project.folder, tmp_path / "absent"))
    with pytest.raises(MigrationError, match=r"no migration in .*absent: .*install it again"):
        migrate(project.url, [absent])


def test_a_database_out_of_reach_is_said_in_a_sentence(project: Project, tmp_path: Path) -> None:
    """With the name of the setting."""
    with pytest.raises(MigrationError, match="check DATABASE_URL"):
        migrate(f"host={tmp_path} dbname=crm", [project.schema])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM clients.client_bases",
        "INSERT INTO clients.outbox DEFAULT VALUES",
        "CREATE TABLE nouvelle (id int)",
        "CREATE TABLE public.nouvelle (id int)",
        "CREATE SCHEMA nouveau",
        "CREATE ROLE nouveau",
        "ALTER TABLE fiches ADD COLUMN nouvelle int",
        "DROP TABLE fiches",
        "TRUNCATE fiches",
        "CREATE INDEX ON fiches (nom)",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY fiches TO PROGRAM 'true'",
    ],
)
async def test_the_role_of_a_service_can_do_nothing_but_its_work(database: Database, statement: str) -> None:
    """Other schemas and changes of tables are refused: InsufficientPrivilege."""
    connection = await pool_of(database).acquire()
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement)
    finally:
        pool_of(database).release(connection)


async def test_a_session_works_as_the_role_of_its_service(database: Database) -> None:
    """With its schema as the whole search path, in UTC."""
    connection = await pool_of(database).acquire()
    cursor = await connection.execute(
        "SELECT current_user, current_setting('search_path'), current_setting('timezone'), current_schema()"
    )
    assert await cursor.fetchone() == (role_of(SCHEMA), SCHEMA, "UTC", SCHEMA)
    pool_of(database).release(connection)


async def test_tables_of_a_later_migration_are_the_roles_too(tmp_path: Path) -> None:
    """By default privileges, not table by table."""
    url = empty_database()
    schema = essai_schema(tmp_path)
    migrate(url, [schema])
    later = schema.folders[0] / "0002_suite.py"
    later.write_text(
        "from alembic import op\nrevision = 'essai_0002'\ndown_revision = 'essai_0001'\n"
        "def upgrade() -> None:\n    op.execute('CREATE TABLE suite (id int GENERATED ALWAYS AS IDENTITY)')\n"
    )
    migrate(url, [schema])
    database = Database(url, SCHEMA, pool_size=1)
    await database.open()
    connection = await pool_of(database).acquire()
    for statement in ("INSERT INTO suite DEFAULT VALUES", "UPDATE fiches SET nom = ''", "DELETE FROM suite"):
        await connection.execute(statement)
    pool_of(database).release(connection)
    await database.close()
