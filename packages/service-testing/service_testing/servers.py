"""The servers of a test run: one PostgreSQL for each of its processes, from first use to the end."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from db_utils.migrations import migrate
from psycopg.conninfo import conninfo_to_dict
from service_kit import Service
from service_kit.embedded import EmbeddedNats, EmbeddedPostgres, free_port
from service_kit.registry import services

_numbers = itertools.count(1)
_SPEED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@cache
def postgres() -> EmbeddedPostgres:
    """The PostgreSQL of this process, with a migrated database `crm` to copy."""
    server = EmbeddedPostgres(_folder(), _SPEED)
    server.start()
    migrate(server.url(), [service.schema for service in services().values()])
    return server


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="crm-test-"))


def stop_servers() -> None:
    """Stop what was started and remove its files (end of the run)."""
    if postgres.cache_info().currsize:
        postgres().stop()
        postgres.cache_clear()
        _template.cache_clear()
    if _folder.cache_info().currsize:
        shutil.rmtree(_folder(), ignore_errors=True)
        _folder.cache_clear()


def fresh_database(*own: Service) -> str:
    """The connection string of a new database, empty, with all schemas and those of *own* services."""
    known = [service.schema for service in services().values()]
    return _copy(_template(tuple(service for service in own if service.schema not in known)))


@cache
def _template(own: tuple[Service, ...]) -> str:
    if not own:
        return "crm"
    url = _copy("crm")
    migrate(url, [service.schema for service in own])
    return str(conninfo_to_dict(url)["dbname"])


def _copy(template: str) -> str:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres().url("postgres"), autocommit=True) as connection:
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
