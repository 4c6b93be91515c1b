"""The context of a unit of work: its scope and its correlation id.

The gRPC pipeline, the consume loop and jobs set them; reads, events and logs use them. They are
ContextVars, so that each call and each event has its own.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

__all__ = [
    "BY_ID",
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
    """The organisation whose rows are visible to a unit of work.

    Without an *organisation_id* no row of any organisation is visible; with *everything* those of
    all organisations are. With *by_id* one row of any organisation is read by its primary key, and
    everything else that concerns rows of organisations (lists, counts, changes, locks) raises
    OrganisationRequired: for services that name no organisation (C6).
    """

    organisation_id: str | None = None
    everything: bool = False
    by_id: bool = False


NOTHING: Final = Scope()
EVERYTHING: Final = Scope(everything=True)
BY_ID: Final = Scope(by_id=True)

# Jobs, consumers and tests begin unscoped; the gRPC pipeline narrows the scope of each call.
scope: ContextVar[Scope] = ContextVar("scope", default=EVERYTHING)
correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


@contextmanager
def within(other: Scope) -> Iterator[None]:
    """Work in the scope *other* inside; calls to other services name its organisation."""
    token = scope.set(other)
    try:
        yield
    finally:
        scope.reset(token)


def unscoped() -> AbstractContextManager[None]:
    """Work on the rows of all organisations inside; calls to other services name none (C6).

    For what concerns persons and no single organisation: memberships, connected accounts, sign-ins.
    """
    return within(EVERYTHING)
