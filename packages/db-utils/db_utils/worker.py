"""Jobs as values (C18). `service_kit.running` runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from db_utils.tables import Row


class _Left(Enum):
    AGAIN = "again"


# What a job returns that has left something undone, as while another service is away.
AGAIN: Final = _Left.AGAIN


@dataclass(frozen=True, slots=True)
class Worker:
    """A job: *run*, called with the application, at the start of the service and then every *every*.

    It is also called after each commit of this process that wrote rows of *wake_on*, and sooner than
    *every* when it returns AGAIN: after 20 s, doubled up to *every* while it goes on doing so. An
    *exclusive* job holds the advisory lock *name*, so that replicas never run it at the same time.
    Running a job twice must have the same result as once. In a process that traces, a run that commits
    of a trace have woken is a span; one whose rows carry traces of their own is not *traced* by that.
    """

    name: str
    run: Callable[[Any], Awaitable[object]]
    every: timedelta
    exclusive: bool = True
    wake_on: type[Row] | None = None
    traced: bool = True
