"""Migrations applied to schemas, also while services run. Used by `crm migrate` and `crm up`.

A schema has branches, the kernel's own tables and the service's, each a folder of
`NNNN_title.py` files that are frozen once merged. The comment of a schema in PostgreSQL holds the
fingerprint of its migrations, so that one query finds the outdated ones among all schemas.
"""

import hashlib
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg import sql

from db_utils.database import role_of
from db_utils.migrations.patience import Patience

_LOCK = 0x63726D  # the advisory lock of a run, "crm" in ASCII: two runs go one after the other
_POLL = 0.2  # seconds between two attempts to take that lock
PATIENCE = 60.0  # seconds to wait for tables that other transactions hold
# While a migration waits for a table, calls queue behind it. This is shorter than they wait for a
# connection (C12), and than the server waits before it ends a deadlock by failing a call.
_LOCK_TIMEOUT = "500ms"
_IN_THE_WAY = (pg.LockNotAvailable, pg.DeadlockDetected)
_WHOSE = "end the transaction that holds its table (the oldest xact_start in pg_stat_activity), and run again"


class MigrationError(Exception):
    """A migration cannot run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema by name and the folders its migrations come from."""

    name: str
    folders: tuple[Path, ...]

    @property
    def fingerprint(self) -> str:
        """A digest of the names of all migration files."""
        names = sorted(
            f"{folder.parent.name}/{file.name}" for folder in self.folders for file in _files(folder)
        )
        return "crm:" + hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("[0-9]*.py"))
    if not files:
        raise MigrationError(f"no migration in {folder}: the installation is incomplete, install it again")
    return files


def outdated(url: str, schemas: Iterable[Schema]) -> list[Schema]:
    """Those of *schemas* that lack a migration, found by one query. Raises MigrationError."""
    wanted = list(schemas)
    with _connect(url) as connection:
        noted: dict[str, str | None] = dict(
            connection.execute(
                "SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace"
                " WHERE nspname = ANY(%s)",
                ([schema.name for schema in wanted],),
            ).fetchall()
        )
    return [schema for schema in wanted if noted.get(schema.name) != schema.fingerprint]


def _connect(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, autocommit=True)
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise MigrationError(f"no connection to PostgreSQL, check DATABASE_URL: {reason}") from error


def wait_for_server(url: str, patience: Patience) -> None:
    """Return when the server answers. Raises MigrationError when *patience* is over before."""
    while True:
        try:
            _connect(url).close()
        except MigrationError as error:
            if not patience.pause(str(error)):
                raise
        else:
            return


def migrate(
    url: str,
    schemas: Sequence[Schema],
    report: Callable[[str], None] = lambda schema: None,
    patience: Patience | None = None,
) -> list[str]:
    """Bring *schemas* up to date, each migration in one transaction; return the names of the changed ones.

    *url* must name the owner. Schemas and their roles are created where they are missing. *report*
    is called with the name of each schema before it is changed. A migration that meets the lock of
    another transaction is undone, so that calls go on, and run again until *patience* is over.
    Raises MigrationError.
    """
    changed: list[str] = []
    pending = outdated(url, schemas)
    if not pending:
        return changed
    patience = patience or Patience(PATIENCE)
    with _connect(url) as lock:
        _take_turn(lock)
        for schema in outdated(url, pending):
            report(schema.name)
            _prepare(url, schema.name)
            _insist(url, schema, patience)
            changed.append(schema.name)
    return changed


def _take_turn(lock: psycopg.Connection) -> None:
    """Take the lock of a run, asking until no other run holds it.

    A statement that waited for the lock would block the other run: CREATE INDEX CONCURRENTLY waits
    for every statement that is running.
    """
    while lock.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() == (False,):
        time.sleep(_POLL)


def _insist(url: str, schema: Schema, patience: Patience) -> None:
    while True:
        try:
            upgrade(url, schema)
        except MigrationError as error:
            if not isinstance(getattr(error.__cause__, "orig", None), _IN_THE_WAY):
                raise
            if not patience.pause(f"{error}; trying again"):
                raise MigrationError(f"{error}; {_WHOSE}") from error
        else:
            return


def _prepare(url: str, name: str) -> None:
    schema, role = sql.Identifier(name), sql.Identifier(role_of(name))
    with psycopg.connect(url) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role_of(name),))
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        for statement in (
            "GRANT {role} TO CURRENT_USER",
            "CREATE SCHEMA IF NOT EXISTS {schema}",
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}"
            " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {role}",
        ):
            connection.execute(sql.SQL(statement).format(role=role, schema=schema))


def upgrade(url: str, schema: Schema, applied: Sequence[Callable[..., None]] = ()) -> None:
    """Run the migrations that *schema* lacks. Raises MigrationError; those before the failed one stay.

    Alembic calls each of *applied* at the end of each migration, within its transaction.
    """
    # Imported here: Alembic takes 0.2 s, and a start with nothing to migrate does not need it.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic_env").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(f) for f in schema.folders).replace("%", "%%"))

    def connect() -> psycopg.Connection:
        return psycopg.connect(url, options=f"-c search_path={schema.name} -c lock_timeout={_LOCK_TIMEOUT}")

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.connect() as connection, _blamed(schema):
        config.attributes |= {"connection": connection, "applied": applied}
        command.upgrade(config, "heads")
        note = sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema.name), schema.fingerprint)
        connection.exec_driver_sql(note.as_string())
        connection.commit()


@contextmanager
def _blamed(schema: Schema) -> Iterator[None]:
    """Turn every exception inside into a MigrationError that names the migration."""
    try:
        yield
    except Exception as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        files.append(getattr(error, "filename", None) or "")  # of a SyntaxError
        guilty = [name for name in files if Path(name).parent in schema.folders]
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        what = Path(guilty[-1]).stem if guilty else "the migrations"
        raise MigrationError(
            f"schema {schema.name}: {what} failed, nothing of it was changed: {reason}"
        ) from error
