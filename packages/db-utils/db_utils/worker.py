"""Jobs as values (C18). `service_kit.running` runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db_utils.tables import Row


@dataclass(frozen=True, slots=True)
class Worker:
    """A job: *run*, called with the application, at the start of the service and then every *every*.

    It is also called after each commit of this process that wrote rows of *wake_on*. An
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
