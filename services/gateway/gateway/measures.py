"""Counters of sign-ins and webhooks by result: OK, or the code of the problem."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter

from gateway.problems import problem_of

LOGIN_TOTAL: Final = Counter("login_total", "Sign-ins, by password and Google.", ["result"])
WEBHOOK_TOTAL: Final = Counter("webhook_total", "Webhooks of identity providers.", ["result"])


@contextmanager
def counted(counter: Counter) -> Iterator[None]:
    """Count in *counter* the result of the block inside."""
    try:
        yield
    except Exception as error:
        counter.labels(problem_of(error).code).inc()
        raise
    counter.labels("OK").inc()
