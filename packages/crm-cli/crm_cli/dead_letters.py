"""The dead letters that services keep, read and marked as the service itself (`crm dlq`).

Only a status is changed here: the service's own replayer runs the handler again, see
`nats_utils.replayer`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

import psycopg
from db_utils import session_options
from nats_utils.tables import DEAD, DROPPED, REPLAYING
from psycopg.rows import class_row
from service_kit import Service
from service_kit.registry import service_named

from crm_cli.home import CommandError

_COLUMNS = "id, event_type, message_key, subject, payload, error, attempts, status, created_at"
_LIST = f"SELECT {_COLUMNS} FROM dead_letters WHERE status = ANY(%s) ORDER BY id"  # noqa: S608  # constant
_GET = f"SELECT {_COLUMNS} FROM dead_letters WHERE id = ANY(%s)"  # noqa: S608  # constant
_MARK = """
UPDATE dead_letters SET status = %s, updated_at = now() WHERE id = ANY(%s) AND status = 'dead' RETURNING id"""
_EXISTING = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)"
_ID = re.compile(r"([a-z_]+)/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of dead_letters."""

    id: int
    event_type: str
    message_key: str
    subject: str
    payload: bytes
    error: str
    attempts: int
    status: str
    created_at: datetime


class LetterBox:
    """The dead letters of one service; a context manager around its connection."""

    def __init__(self, url: str, service: str) -> None:
        self.service = service
        self._connection = psycopg.connect(url, options=session_options(service), autocommit=True)

    def __enter__(self) -> "LetterBox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def name(self, number: int) -> str:
        """The id under which people know letter *number*."""
        return f"{self.service}/{number}"

    def letters(self, statuses: Sequence[str] = (DEAD, REPLAYING)) -> list[Letter]:
        """The letters that have one of *statuses*, the oldest first."""
        return self._read(_LIST, list(statuses))

    def get(self, numbers: Iterable[int]) -> dict[int, Letter]:
        """Return the letters *numbers*, by number; missing ones are left out."""
        return {letter.id: letter for letter in self._read(_GET, list(numbers))}

    def mark_replaying(self, numbers: Iterable[int]) -> list[int]:
        """Ask the service to try these letters again; return the numbers of those that were dead."""
        return self._mark(REPLAYING, numbers)

    def drop(self, numbers: Iterable[int]) -> list[int]:
        """Give these letters up for good; return the numbers of those that were dead."""
        return self._mark(DROPPED, numbers)

    def _read(self, query: str, values: list[str] | list[int]) -> list[Letter]:
        with self._connection.cursor(row_factory=class_row(Letter)) as cursor:
            return cursor.execute(query, (values,)).fetchall()

    def _mark(self, status: str, numbers: Iterable[int]) -> list[int]:
        rows = self._connection.execute(_MARK, (status, list(numbers))).fetchall()
        return sorted(number for (number,) in rows)


def parse_ids(texts: Iterable[str]) -> dict[str, list[int]]:
    """The numbers by service of ids like "email/12". Raises CommandError, UnknownService."""
    numbers: dict[str, list[int]] = {}
    for text in texts:
        match = _ID.fullmatch(text)
        if match is None:
            raise CommandError(
                f"{text!r} is no id of a dead letter: they look like email/12, see `crm dlq list`"
            )
        numbers.setdefault(service_named(match[1]).name, []).append(int(match[2]))
    return numbers


def with_schema(url: str, services: Sequence[Service]) -> list[str]:
    """Return the names of the *services* that have a schema in this database."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(_EXISTING, ([service.name for service in services],)).fetchall()
    existing = {name for (name,) in rows}
    return [service.name for service in services if service.name in existing]
