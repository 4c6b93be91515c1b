"""The servers of a test run: a PostgreSQL for each of its processes, from first use to the end.

The database that tests get copies of is migrated once in a run, by the process that needs it
first; the others start their server on a copy of that cluster.
"""

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from db_utils.migrations import Schema, migrate
from psycopg.conninfo import conninfo_to_dict
from service_kit import Service
from service_kit.embedded import EmbeddedNats, EmbeddedPostgres, free_port
from service_kit.registry import services

_numbers = itertools.count(1)
_SPEED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_EVERYTHING = "crm"  # the database with the schemas of all installed services
_RUN = "CRM_TEST_RUN"  # the folder of the run, told to its other processes by the environment


@cache
def postgres() -> EmbeddedPostgres:
    """The PostgreSQL of this process, with a migrated database `crm` to copy."""
    copy_cluster(_folder())
    server = EmbeddedPostgres(_folder(), _SPEED)
    server.start()
    return server


def copy_cluster(folder: Path) -> None:
    """Put the data of a PostgreSQL that was stopped into *folder*/postgres; its schemas are up to date."""
    subprocess.run(["/bin/cp", "-a", _cluster(), folder / "postgres"], check=True)


@cache
def _cluster() -> Path:
    """The data of the run's first PostgreSQL."""
    folder = Path(os.environ[_RUN]) / "cluster"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "migrated").exists():
            server = EmbeddedPostgres(folder, _SPEED)
            server.start()
            migrate(server.url(), [service.schema for service in services().values()])
            server.stop()
            (folder / "migrated").touch()
    return folder / "postgres"


def fresh_folder() -> Path:
    """An empty folder, which ends with the run."""
    return Path(tempfile.mkdtemp(dir=_folder()))


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(dir=os.environ[_RUN]))


def begin_run() -> None:
    """Make the folder of the run; in a process that another one has started it is there already."""
    if _RUN not in os.environ:
        os.environ[_RUN] = tempfile.mkdtemp(prefix="crm-test-")
        _begun_here.append(os.environ[_RUN])


def end_run() -> None:
    """Stop what this process has started, and remove the folder of the run if it has made it."""
    if postgres.cache_info().currsize:
        postgres().stop()
    for cached in (postgres, _template, _folder, _cluster):
        cached.cache_clear()
    while _begun_here:
        shutil.rmtree(_begun_here.pop(), ignore_errors=True)
        del os.environ[_RUN]


_begun_here: list[str] = []


def fresh_database(*owners: Service) -> str:
    """The connection string of a new database with the empty schemas of *owners*, by default of all."""
    wanted = {service.schema.name: service.schema for service in owners or services().values()}
    return _copy(_template(tuple(wanted[name] for name in sorted(wanted))))


def empty_database() -> str:
    """The connection string of a new database without any schema of ours."""
    return _copy("template1")


@cache
def _template(wanted: tuple[Schema, ...]) -> str:
    """The name of a database with the schemas *wanted*: the fewer it has, the less a copy costs."""
    others = [service.schema for service in services().values() if service.schema not in wanted]
    if not others and len(wanted) == len(services()):
        return _EVERYTHING
    url = _copy(_EVERYTHING)
    with psycopg.connect(url, autocommit=True) as connection:
        for other in others:
            connection.execute(f"DROP SCHEMA {other.name} CASCADE")
    migrate(url, wanted)
    return str(conninfo_to_dict(url)["dbname"])


def _copy(template: str) -> str:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres().url("postgres"), autocommit=True) as connection:
        # Half the processor time of the other strategy, which would log every page.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return postgres().url(name)


@contextmanager
def fresh_nats() -> Iterator[EmbeddedNats]:
    """A broker of one's own with an empty store, which may be killed and restarted."""
    folder = _folder() / f"nats-{next(_numbers)}"
    folder.mkdir()
    server = EmbeddedNats(folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
