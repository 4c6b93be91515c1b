"""The errors of the database that callers may meet. The gRPC edge maps each to a status code."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID


class DatabaseError(Exception):
    """Base of the errors below; anything else that psycopg raises is a bug of ours."""


class DatabaseUnavailable(DatabaseError):
    """No connection: the server is gone, or none became free within the pool's timeout."""


class StatementTimeout(DatabaseError):
    """A statement ran longer than the role's statement_timeout."""


class SerializationConflict(DatabaseError):
    """Deadlock or serialisation failure; the whole unit of work may be run again by `retried`."""


class StalePlan(SerializationConflict):
    """The server's plan of a statement no longer fits its table, or is gone; the statement did nothing."""


class LastingConflict(SerializationConflict):
    """A conflict with other writers in each of the attempts of `retried`; not to be retried again."""


class InvalidText(DatabaseError):
    """A text that PostgreSQL cannot store, such as one with a NUL byte."""


class OrganisationRequired(DatabaseError):
    """A row of an organisation was to be written and there is no organisation."""


class VersionConflict(DatabaseError):
    """The row changed since the version the writer had seen."""


class Conflict(DatabaseError):
    """A row already occupies the place: unique or exclusion constraint *constraint*.

    `existing_id` is the id of that row when it can be found within the current scope.
    """

    def __init__(self, constraint: str, existing_id: UUID | str | None = None) -> None:
        super().__init__(constraint)
        self.constraint = constraint
        self.existing_id = existing_id


class ReferenceViolation(DatabaseError):
    """A row points at a row that is not there, or is still pointed at."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class StillReferenced(DatabaseError):
    """A row that was to be deleted is still pointed at by another one, as *constraint* says."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class InvalidValue(DatabaseError):
    """A value that its column does not take; *column* names the column."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class TextTooLong(InvalidValue):
    """Longer than the column, which takes *limit* characters where it is known."""

    def __init__(self, column: str, limit: int | None = None) -> None:
        super().__init__(column)
        self.limit = limit


class UnknownChoice(InvalidValue):
    """Not in the closed list of the column, its *choices*."""

    def __init__(self, column: str, choices: Collection[str] = ()) -> None:
        super().__init__(column)
        self.choices = choices


class InvalidPage(DatabaseError):
    """Base of what is wrong with the page a caller asks for; *field* of the request is at fault.

    *choices* are the values it may have, where that is a closed list.
    """

    field: ClassVar[str]

    def __init__(self, told: object = "", choices: Collection[str] = ()) -> None:
        super().__init__(told)
        self.choices = choices


class InvalidPageToken(InvalidPage):
    """Not a token of ours, or one of another sort or other filters."""

    field = "page_token"


class InvalidPageSize(InvalidPage):
    """A negative number of rows."""

    field = "page_size"


class UnknownSort(InvalidPage):
    """A column by which this list cannot be sorted."""

    field = "sort_by"


class UnknownOrder(InvalidPage):
    """A direction other than asc and desc."""

    field = "sort_order"


class TransactionOver(RuntimeError):
    """A bug: a statement after the end of its transaction, which nothing would commit."""


class SwallowedError(RuntimeError):
    """A bug: the error of a statement was caught inside its transaction, which the server rolled back."""
