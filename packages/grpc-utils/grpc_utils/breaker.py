"""A circuit breaker per callee: after repeated silence, fail at once for a while (C14)."""

import time
from collections.abc import Callable

from prometheus_client import Gauge

from grpc_utils.errors import CircuitOuvert

FAILURES, PAUSE = 5, 30.0  # consecutive failures; seconds
CIRCUIT_OPEN = Gauge("crm_circuit_open", "1 while calls to the callee fail at once.", ["callee"])


class Breaker:
    """Opens after 5 consecutive failures, stays open for *pause* (30 s), then lets one probe through."""

    def __init__(
        self, callee: str, clock: Callable[[], float] = time.monotonic, pause: float = PAUSE
    ) -> None:
        self._callee, self._clock, self._pause = callee, clock, pause
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False
        self._gauge = CIRCUIT_OPEN.labels(callee)

    def enter(self) -> None:
        """Ask for permission to call. Raises CircuitOuvert."""
        if self._failures < FAILURES:
            return
        if self._probing or self._clock() - self._opened_at < self._pause:
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
