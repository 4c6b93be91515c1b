"""Breaker: when calls to a silent service stop, and how they begin again (C14)."""

import pytest
from grpc_utils.breaker import FAILURES, PAUSE, Breaker
from grpc_utils.errors import CircuitOuvert
from prometheus_client import REGISTRY
from service_testing.seconds import Seconds


@pytest.fixture
def seconds() -> Seconds:
    """The clock of the breaker."""
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    """A breaker that is closed."""
    return Breaker("callee", seconds)


def fail(breaker: Breaker, times: int) -> None:
    """That many calls without an answer."""
    for _ in range(times):
        breaker.enter()
        breaker.failed()


def is_open(breaker: Breaker) -> bool:
    """Whether a call is refused at once."""
    try:
        breaker.enter()
    except CircuitOuvert:
        return True
    breaker.abandoned()
    return False


def test_C14_five_failures_in_a_row_open_the_circuit(breaker: Breaker) -> None:
    """Four do not."""
    assert (FAILURES, PAUSE) == (5, 30.0)
    fail(breaker, 4)
    assert not is_open(breaker)
    fail(breaker, 1)
    assert is_open(breaker)


def test_C14_an_answer_forgets_the_failures(breaker: Breaker) -> None:
    """Only failures in a row count."""
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)
    assert not is_open(breaker)


def test_C14_after_thirty_seconds_one_call_is_let_through(breaker: Breaker, seconds: Seconds) -> None:
    """The others wait for what it brings."""
    fail(breaker, 5)
    seconds.passed = 29.9
    assert is_open(breaker)
    seconds.passed = 30.0
    breaker.enter()
    assert is_open(breaker)


def test_C14_a_good_probe_closes_the_circuit(breaker: Breaker, seconds: Seconds) -> None:
    """And the failures are forgotten."""
    fail(breaker, 5)
    seconds.passed = 30.0
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 4)
    assert not is_open(breaker)


def test_C14_a_bad_probe_opens_it_for_another_thirty_seconds(breaker: Breaker, seconds: Seconds) -> None:
    """Counted from the probe."""
    fail(breaker, 5)
    seconds.passed = 30.0
    fail(breaker, 1)
    seconds.passed = 59.9
    assert is_open(breaker)
    seconds.passed = 60.0
    assert not is_open(breaker)


def test_a_probe_that_was_given_up_leaves_its_place_to_another(breaker: Breaker, seconds: Seconds) -> None:
    """A caller who leaves says nothing about the callee."""
    fail(breaker, 5)
    seconds.passed = 30.0
    breaker.enter()
    breaker.abandoned()
    breaker.enter()
    assert is_open(breaker)


def test_C16_an_open_circuit_is_shown(breaker: Breaker) -> None:
    """As a metric of the callee."""

    def shown() -> float | None:
        return REGISTRY.get_sample_value("crm_circuit_open", {"callee": "callee"})

    fail(breaker, 5)
    opened = shown()
    breaker.succeeded()
    assert (opened, shown()) == (1.0, 0.0)
