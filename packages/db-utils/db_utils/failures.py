"""Turns psycopg's exceptions into the few answers of `errors.py`; the rest stay bugs."""

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
    StatementTimeout,
)

_NOT_STORABLE = (pg.CharacterNotInRepertoire, pg.UntranslatableCharacter)
_TRY_AGAIN = (pg.DeadlockDetected, pg.SerializationFailure)


class _Translated:
    """A context manager without state: one object serves every statement of the process."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, UnicodeEncodeError):
            raise InvalidText("half of a surrogate pair") from error
        if isinstance(error, psycopg.Error):
            known = _translate(error)
            if known is not None:
                raise known from error


_TRANSLATED = _Translated()


def translated() -> _Translated:
    """Run psycopg code inside; what it raises leaves as a `DatabaseError` where it means one."""
    return _TRANSLATED


def _translate(error: psycopg.Error) -> DatabaseError | None:
    if isinstance(error, (pg.UniqueViolation, pg.ExclusionViolation)):
        return Conflict(error.diag.constraint_name or "")
    if isinstance(error, pg.ForeignKeyViolation):
        return ReferenceViolation(error.diag.constraint_name or "")
    if isinstance(error, _TRY_AGAIN):
        return SerializationConflict(type(error).__name__)
    if isinstance(error, pg.QueryCanceled):
        return StatementTimeout(str(error.diag.message_primary))
    if isinstance(error, _NOT_STORABLE):
        return InvalidText(type(error).__name__)
    if _lost(error):
        return DatabaseUnavailable(type(error).__name__)
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:
        return InvalidText("a text holds a NUL byte")
    return None


def _lost(error: psycopg.Error) -> bool:
    """Whether the connection itself failed: no SQLSTATE, or class 57P, 08 or 53."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate[:2] in ("08", "53") or error.sqlstate[:3] == "57P"
