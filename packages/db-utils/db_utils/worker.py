"""A job as a value: what runs when, woken by which rows, under a lock of the database (C18)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db_utils.tables import Row


@dataclass(frozen=True, slots=True)
class Worker:
    """A job that *run* does every *every*, and at once after a commit that wrote *wake_on* rows.

    *run* gets the application. An *exclusive* job holds an advisory lock, so that replicas never
    run it together. Jobs can be run twice with the same result.
    """

    name: str
    run: Callable[[Any], Awaitable[object]]
    every: timedelta
    exclusive: bool = True
    wake_on: type[Row] | None = None
