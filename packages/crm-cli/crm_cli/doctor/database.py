"""Checks of PostgreSQL: reachable, migrated, and the events and dead letters that wait in it."""

from collections.abc import Iterator, Sequence

import psycopg
from db_utils import clock, session_options
from db_utils.migrations import differences, outdated
from service_kit import Service

from crm_cli.doctor.findings import Finding, ago, fail, ok, warn

_OLDEST_VERSION = 150_000
_TOLERATED_SKEW = 2.0  # seconds
_BUSY = 0.8  # of max_connections
_SLOW_OUTBOX = 30.0  # seconds an event may wait for the relay

_ABOUT = """
SELECT clock_timestamp(), current_setting('max_connections')::int, (SELECT count(*) FROM pg_stat_activity)"""
_WAITING = "SELECT count(*), min(created_at) FROM outbox WHERE stream_sequence IS NULL"
_OWED = """
SELECT type, count(*), min(created_at), (array_agg(erreur ORDER BY created_at))[1]
FROM commande_sortante WHERE etat = 'EN_ATTENTE' GROUP BY type ORDER BY min(created_at)"""
_LONG_OWED = 60.0  # seconds a call may be owed before its callee is to be looked at
_DEAD = "SELECT count(*) FROM dead_letters WHERE status = 'dead'"
_START = "start it, or correct DATABASE_URL"


def server(url: str) -> Iterator[Finding]:
    """The server itself: reachable, recent enough, with room, its clock like ours."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=3) as connection:
            yield from _about(connection)
    except psycopg.OperationalError as error:
        yield fail("database", str(error).splitlines()[0], _START)


def _about(connection: psycopg.Connection) -> Iterator[Finding]:
    version = connection.info.server_version
    text = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    before = clock.machine()
    row = connection.execute(_ABOUT).fetchone()
    assert row is not None
    instant, most, used = row
    if version < _OLDEST_VERSION:
        yield fail("database", text, "use PostgreSQL 15 or later")
    elif used >= most * _BUSY:
        remedy = "raise max_connections, or lower DB_POOL_SIZE"
        yield warn("database", f"{text}, {used} of {most} connections used", remedy)
    else:
        yield ok("database", f"{text}, {used} of {most} connections used")
    skew = instant.timestamp() - (before + clock.machine()) / 2
    if abs(skew) > _TOLERATED_SKEW:
        yield warn("clock", f"the database is {skew:+.1f} s from here", "let both machines use NTP")
    else:
        yield ok("clock", "the database has the same time")


def schemas(url: str, services: Sequence[Service]) -> Iterator[Finding]:
    """Whether each schema is migrated, and is what its classes declare."""
    behind = {schema.name for schema in outdated(url, [service.schema for service in services])}
    for service in services:
        subject = f"schema {service.name}"
        if service.name in behind:
            yield fail(subject, "migrations are missing", "crm migrate")
            continue
        try:
            found = differences(url, service.name, service.declared)
        except psycopg.errors.InsufficientPrivilege:
            yield ok(subject, "migrated; drift is seen by the owner of the database only")
            continue
        if found:
            remedy = "undo what was changed by hand, or write a migration"
            others = f" and {len(found) - 1} more" if len(found) > 1 else ""
            yield fail(subject, f"differs from its classes: {found[0]}{others}", remedy)
        else:
            yield ok(subject, "migrated, as declared")


def waiting(url: str, services: Sequence[Service]) -> Iterator[Finding]:
    """The events that wait in each service's outbox, and its dead letters."""
    for service in services:
        try:
            with psycopg.connect(url, options=session_options(service.name), autocommit=True) as connection:
                yield _outbox(connection, service.name)
                yield _dead_letters(connection, service.name)
        except psycopg.Error as error:
            yield fail(f"schema {service.name}", str(error).splitlines()[0], "crm migrate")


def owed(url: str, services: Sequence[Service]) -> Iterator[Finding]:
    """The calls that services owe to others and that wait (C22), by callee."""
    for service in (one for one in services if one.callees):
        try:
            with psycopg.connect(url, options=session_options(service.name), autocommit=True) as connection:
                rows = connection.execute(_OWED).fetchall()
        except psycopg.Error as error:
            yield fail(f"schema {service.name}", str(error).splitlines()[0], "crm migrate")
            continue
        if not rows:
            yield ok(f"commands {service.name}", "none wait")
        for kind, count, oldest, told in rows:
            yield _commands(service, kind, count, (clock.now() - oldest).total_seconds(), told)


def _commands(service: Service, kind: str, count: int, age: float, told: str) -> Finding:
    callee = service.callees.get(kind, "")
    subject = f"commands {service.name} → {callee or f'? ({kind})'}"
    fact = f"{count} {'wait' if count > 1 else 'waits'}"
    if age <= _LONG_OWED:
        return ok(subject, fact)
    fact += f", the oldest for {ago(age)}" + (f", last answer {told}" if told else "")
    return warn(subject, fact, f"is {callee or 'its callee'} up? See the log of {service.name}")


def _outbox(connection: psycopg.Connection, name: str) -> Finding:
    count, oldest = connection.execute(_WAITING).fetchone() or (0, None)
    subject = f"outbox {name}"
    if oldest is None:
        return ok(subject, "empty")
    age = (clock.now() - oldest).total_seconds()
    fact = f"{count} events wait, the oldest for {ago(age)}"
    if age > _SLOW_OUTBOX:
        return warn(subject, fact, f"is {name} up, and does it reach the broker? See its log")
    return ok(subject, fact)


def _dead_letters(connection: psycopg.Connection, name: str) -> Finding:
    (count,) = connection.execute(_DEAD).fetchone() or (0,)
    if count:
        return warn(f"dead letters {name}", str(count), f"crm dlq list {name}")
    return ok(f"dead letters {name}", "none")
