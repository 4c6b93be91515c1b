"""Circuit breakers: a callee that left five calls unanswered is not called for 30 seconds (C14)."""

import logging
import time
from collections.abc import Callable

import grpc
from prometheus_client import Gauge

from grpc_utils.errors import CircuitOuvert

_log = logging.getLogger(__name__)

FAILURES, PAUSE = 5, 30.0  # consecutive failures; seconds (C14)
CIRCUIT_OPEN = Gauge("crm_circuit_open", "1 while calls to the callee fail at once.", ["callee"])


class Breaker:
    """Circuit of one callee: 5 consecutive failures open it for 30 s, then one probe is let through.

    Whoever enters tells how the call ended, by exactly one of the three other methods.
    """

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
        # One probe at a time: if the callee is still away, only one caller waits for it.
        if self._probing or self._clock() - self._opened_at < PAUSE:
            raise CircuitOuvert(service=self._callee)
        self._probing = True

    def succeeded(self) -> None:
        """Note that the callee answered, whatever it said: the circuit is closed."""
        self._failures, self._probing = 0, False
        self._gauge.set(0)

    def failed(self) -> None:
        """Note that the callee did not answer; the fifth time in a row opens the circuit."""
        self._failures += 1
        self._probing = False
        if self._failures >= FAILURES:
            self._opened_at = self._clock()
            self._gauge.set(1)

    def abandoned(self) -> None:
        """Note that a call ended without telling anything about the callee, such as a cancelled one."""
        self._probing = False

    def tell(self, method: str | bytes, error: grpc.aio.AioRpcError) -> None:
        """Log why a call of *method* got no answer: while the circuit is open there is nothing to log."""
        name = method if isinstance(method, str) else method.decode()
        _log.warning("no answer to %s: %s, %s", name, error.code().name, error.details())


class Unbroken:
    """Circuit that never opens, for callers who wait between their calls by themselves."""

    def enter(self) -> None:
        """Permit every call."""

    def succeeded(self) -> None:
        """Note nothing."""

    def failed(self) -> None:
        """Note nothing."""

    def abandoned(self) -> None:
        """Note nothing."""

    def tell(self, method: str | bytes, error: grpc.aio.AioRpcError) -> None:
        """Log nothing: such callers ask again and again, and say themselves that they wait."""
