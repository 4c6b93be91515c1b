"""What travels with a unit of work: its organisation scope and its correlation id.

The edges set them (the gRPC pipeline, the consume loop); tables, events and logs read
them. Values live in ContextVars, so each call and each event sees only its own.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

__all__ = [
    "EVERYTHING",
    "NOTHING",
    "Scope",
    "correlation_id",
    "scope",
    "unscoped",
    "within",
]


@dataclass(frozen=True, slots=True)
class Scope:
    """The organisation whose rows exist for the current unit of work.

    `organisation_id` is the organisation, None when there is none (nothing is visible),
    and `everything` lifts the filter for our own services and jobs.
    """

    organisation_id: str | None = None
    everything: bool = False


NOTHING: Final = Scope()
EVERYTHING: Final = Scope(everything=True)

# Jobs, consumers and tests run unscoped; only the gRPC edge narrows.
scope: ContextVar[Scope] = ContextVar("scope", default=EVERYTHING)
correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


@contextmanager
def within(other: Scope) -> Iterator[None]:
    """Only the rows of *other* exist inside, and calls to other services name its organisation."""
    token = scope.set(other)
    try:
        yield
    finally:
        scope.reset(token)


def unscoped() -> AbstractContextManager[None]:
    """The rows of all organisations exist inside, and calls to other services name none.

    For what concerns persons and not an organisation: their memberships, accounts and sign-ins.
    """
    return within(EVERYTHING)
