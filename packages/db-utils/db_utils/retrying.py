"""Units of work run again after a conflict with other writers (C12). Nothing else in the CRM does this."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from db_utils.errors import DatabaseError, LastingConflict, SerializationConflict

T = TypeVar("T")

_ATTEMPTS: Final = 4  # the first one and three more (C12)


async def retried(work: Callable[[], Awaitable[T]], *also: type[DatabaseError]) -> T:
    """The result of the unit of work *work*, run again after each SerializationConflict, three times at most.

    *work* must open its own transaction, so that a new attempt reads anew. *also* are further
    errors that mean a conflict here, such as Conflict between two writers of the same new row.
    Raises LastingConflict after the last attempt; that of a nested `retried` is not tried again.
    """
    conflicts: tuple[type[DatabaseError], ...] = (SerializationConflict, *also)
    last: DatabaseError | None = None
    for _ in range(_ATTEMPTS):
        try:
            return await work()
        except LastingConflict:
            raise
        except conflicts as error:
            last = error
    raise LastingConflict(str(last)) from last
