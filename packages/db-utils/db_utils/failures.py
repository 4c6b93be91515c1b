"""Translation of psycopg's exceptions into those of `errors.py`; the others are bugs and stay as they are."""

from typing import Final

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

FAILURES: Final = (psycopg.Error, UnicodeEncodeError)
"""What a statement may raise; to be caught and given to `Pool.raise_known` or `translated`."""

_NOT_STORABLE = (pg.CharacterNotInRepertoire, pg.UntranslatableCharacter)
_TRY_AGAIN = (pg.DeadlockDetected, pg.SerializationFailure)


def translated(error: psycopg.Error | UnicodeEncodeError) -> DatabaseError | None:
    """The error that callers know for *error*; None for a bug of ours."""
    if isinstance(error, UnicodeEncodeError):
        return InvalidText("half of a surrogate pair")
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
    return _temporary(error)


def _temporary(error: psycopg.Error) -> DatabaseError | None:
    """Return the error of a passing condition: the same statement may succeed later."""
    name = type(error).__name__
    if isinstance(error, _TRY_AGAIN):
        return SerializationConflict(name)
    if _stale(error):
        return StalePlan(name)
    return DatabaseUnavailable(name) if _lost(error) else None


def _stale(error: psycopg.Error) -> bool:
    """Whether a prepared statement no longer fits its tables, or the server has dropped it."""
    # Many faults share the SQLSTATE 0A000 and the message is in the server's language: only the
    # place in the server's source tells this one from the others.
    if isinstance(error, pg.FeatureNotSupported):
        return error.diag.source_function == "RevalidateCachedQuery"
    return isinstance(error, pg.InvalidSqlStatementName)


def _lost(error: psycopg.Error) -> bool:
    """Whether the connection itself failed.

    psycopg then gives no SQLSTATE, or the server one of class 08 (connection), 53 (resources)
    or 57P (shutdown).
    """
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate[:2] in ("08", "53") or error.sqlstate[:3] == "57P"
