"""Turns psycopg's exceptions into the few answers of `errors.py`; the rest stay bugs."""

from collections.abc import Callable
from types import TracebackType

import psycopg
from psycopg import errors as pg

from db_utils.errors import (
    Conflict,
    DatabaseError,
    DatabaseUnavailable,
    InvalidText,
    ReferenceViolation,
    SerializationConflict,
    StalePlan,
    StatementTimeout,
)

_NOT_STORABLE = (pg.CharacterNotInRepertoire, pg.UntranslatableCharacter)
_TRY_AGAIN = (pg.DeadlockDetected, pg.SerializationFailure)


class Translated:
    """A context manager that keeps nothing: one object serves every statement of a database.

    *stale* is called with each StalePlan.
    """

    def __init__(self, stale: Callable[[], None] = lambda: None) -> None:
        self._stale = stale

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, UnicodeEncodeError):
            raise InvalidText("half of a surrogate pair") from error
        if isinstance(error, psycopg.Error):
            known = _translate(error)
            if isinstance(known, StalePlan):
                self._stale()
            if known is not None:
                raise known from error


_TRANSLATED = Translated()


def translated() -> Translated:
    """Run psycopg code inside; what it raises leaves as a `DatabaseError` where it means one."""
    return _TRANSLATED


def _translate(error: psycopg.Error) -> DatabaseError | None:
    if isinstance(error, (pg.UniqueViolation, pg.ExclusionViolation)):
        return Conflict(error.diag.constraint_name or "")
    if isinstance(error, pg.ForeignKeyViolation):
        return ReferenceViolation(error.diag.constraint_name or "")
    if isinstance(error, pg.QueryCanceled):
        return StatementTimeout(str(error.diag.message_primary))
    if isinstance(error, _NOT_STORABLE):
        return InvalidText(type(error).__name__)
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:
        return InvalidText("a text holds a NUL byte")
    return _passing(error)


def _passing(error: psycopg.Error) -> DatabaseError | None:
    """What another try may not meet again."""
    name = type(error).__name__
    if isinstance(error, _TRY_AGAIN):
        return SerializationConflict(name)
    if _stale(error):
        return StalePlan(name)
    return DatabaseUnavailable(name) if _lost(error) else None


def _stale(error: psycopg.Error) -> bool:
    """Whether a plan that was kept fits its tables no more, or is gone."""
    # Many faults have this SQLSTATE, and the message is in the language of the server.
    if isinstance(error, pg.FeatureNotSupported):
        return error.diag.source_function == "RevalidateCachedQuery"
    return isinstance(error, pg.InvalidSqlStatementName)


def _lost(error: psycopg.Error) -> bool:
    """Whether the connection itself failed: no SQLSTATE, or class 57P, 08 or 53."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate[:2] in ("08", "53") or error.sqlstate[:3] == "57P"
