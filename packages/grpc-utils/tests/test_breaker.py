"""Breaker: calls to a silent service stop after five failures and begin again with a probe (C14)."""

import pytest
from grpc_utils.breaker import FAILURES, PAUSE, Breaker
from grpc_utils.errors import CircuitOuvert
from prometheus_client import REGISTRY
from service_testing.seconds import Seconds


@pytest.fixture
def seconds() -> Seconds:
    """Clock of the breaker."""
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    """A closed breaker."""
    return Breaker("callee", seconds)


def fail(breaker: Breaker, times: int) -> None:
    """Enter *times* times, each time without an answer."""
    for _ in range(times):
        breaker.enter()
        breaker.failed()


def is_open(breaker: Breaker) -> bool:
    """Whether the breaker refuses a call at once."""
    try:
        breaker.enter()
    except CircuitOuvert:
        return True
    breaker.abandoned()
    return False


def test_C14_five_failures_in_a_row_open_the_circuit(breaker: Breaker) -> None:
    """Four failures leave it closed, the fifth opens it."""
    assert (FAILURES, PAUSE) == (5, 30.0)
    fail(breaker, 4)
    assert not is_open(breaker)
    fail(breaker, 1)
    assert is_open(breaker)


def test_C14_an_answer_ends_the_row_of_failures(breaker: Breaker) -> None:
    """Four failures, an answer and four failures leave the circuit closed."""
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)
    assert not is_open(breaker)


def test_C14_after_thirty_seconds_one_call_is_let_through(breaker: Breaker, seconds: Seconds) -> None:
    """Other calls are refused until the one that was let through has ended."""
    fail(breaker, 5)
    seconds.passed = 29.9
    assert is_open(breaker)
    seconds.passed = 30.0
    breaker.enter()
    assert is_open(breaker)


def test_C14_a_good_probe_closes_the_circuit(breaker: Breaker, seconds: Seconds) -> None:
    """After it, five failures are needed again to open the circuit."""
    fail(breaker, 5)
    seconds.passed = 30.0
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 4)
    assert not is_open(breaker)


def test_C14_a_bad_probe_opens_it_for_another_thirty_seconds(breaker: Breaker, seconds: Seconds) -> None:
    """The thirty seconds are counted from the probe."""
    fail(breaker, 5)
    seconds.passed = 30.0
    fail(breaker, 1)
    seconds.passed = 59.9
    assert is_open(breaker)
    seconds.passed = 60.0
    assert not is_open(breaker)


def test_an_abandoned_probe_is_followed_by_another(breaker: Breaker, seconds: Seconds) -> None:
    """A probe whose caller leaves neither closes the circuit nor begins a new pause."""
    fail(breaker, 5)
    seconds.passed = 30.0
    breaker.enter()
    breaker.abandoned()
    breaker.enter()
    assert is_open(breaker)


def test_C16_an_open_circuit_is_shown(breaker: Breaker) -> None:
    """The gauge crm_circuit_open is 1 for the callee while its circuit is open, then 0."""

    def shown() -> float | None:
        return REGISTRY.get_sample_value("crm_circuit_open", {"callee": "callee"})

    fail(breaker, 5)
    opened = shown()
    breaker.succeeded()
    assert (opened, shown()) == (1.0, 0.0)
