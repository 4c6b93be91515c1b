"""A circuit breaker per callee: after repeated silence, fail at once for a while (C14)."""

import time
from collections.abc import Callable

from prometheus_client import Gauge

from grpc_utils.errors import CircuitOuvert

FAILURES, PAUSE = 5, 30.0  # consecutive failures; seconds
CIRCUIT_OPEN = Gauge("crm_circuit_open", "1 while calls to the callee fail at once.", ["callee"])


class Breaker:
    """Opens after 5 consecutive failures, stays open 30 s, then lets one probe through."""

    def __init__(self, callee: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._callee, self._clock = callee, clock
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False
        self._gauge = CIRCUIT_OPEN.labels(callee)

    def enter(self) -> None:
        """Ask for permission to call. Raises CircuitOuvert."""
        if self._failures < FAILURES:
            return
        if self._probing or self._clock() - self._opened_at < PAUSE:
            raise CircuitOuvert(service=self._callee)
        self._probing = True

    def succeeded(self) -> None:
        """The callee answered, whatever it said."""
        self._failures, self._probing = 0, False
        self._gauge.set(0)

    def failed(self) -> None:
        """The callee did not answer."""
        self._failures += 1
        self._probing = False
        if self._failures >= FAILURES:
            self._opened_at = self._clock()
            self._gauge.set(1)

    def abandoned(self) -> None:
        """The call ended without telling anything about the callee (it was cancelled)."""
        self._probing = False


class Unbroken:
    """A circuit that never opens, for callers who pace themselves."""

    def enter(self) -> None:
        """Every call is permitted."""

    def succeeded(self) -> None:
        """Nothing depends on it."""

    def failed(self) -> None:
        """Nothing depends on it."""

    def abandoned(self) -> None:
        """Nothing depends on it."""
