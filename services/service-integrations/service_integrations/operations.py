"""Common parts of all calls: measures, no scope, and one refusal for a lost database (R1, R21).

Accounts belong to persons, whatever organisation they act for. `operated` is put on each servicer,
so that no handler can forget any of it.
"""

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from db_utils import DatabaseUnavailable, StatementTimeout, unscoped
from grpc_utils import Context
from grpc_utils.errors import Refusal
from prometheus_client import Counter, Histogram

from service_integrations.models import PROVIDERS
from service_integrations.refusals import DatabaseError

S = TypeVar("S", bound=type)
Handler = Callable[[Any, Any, Context], Awaitable[Any]]

_OK, _CANCELLED = "OK", "CANCELLED"
OPERATIONS = Counter(
    "int_operations_total", "Operations, by how they ended.", ["operation", "provider", "result"]
)
SECONDS = Histogram(
    "int_operation_seconds",
    "Duration of operations.",
    ["operation"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


@contextmanager
def operation(name: str, provider: str = "") -> Iterator[None]:
    """Measure the work inside (R21); storage that fails becomes DATABASE_ERROR.

    The measured result is a reason of R1, or OK.
    """
    started, result = time.perf_counter(), _CANCELLED
    provider = provider if provider in PROVIDERS else ""  # a caller's text must not become a label
    try:
        yield
        result = _OK
    except (DatabaseUnavailable, StatementTimeout) as error:
        result = DatabaseError.reason
        raise DatabaseError(provider) from error
    except Refusal as refusal:
        result = refusal.reason
        raise
    except Exception as error:
        result = type(error).__name__
        raise
    finally:
        OPERATIONS.labels(name, provider, result).inc()
        SECONDS.labels(name).observe(time.perf_counter() - started)


def operated(servicer: S) -> S:
    """Wrap each method of *servicer* in an `operation` that sees the accounts of all organisations."""
    for name, member in list(vars(servicer).items()):
        if inspect.iscoroutinefunction(member) and not name.startswith("_"):
            setattr(servicer, name, _operated(f"{servicer.__name__}/{name}", member))
    return servicer


def _operated(name: str, handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def handle(self: Any, request: Any, context: Context) -> Any:
        with unscoped(), operation(name, getattr(request, "provider", "")):
            return await handler(self, request, context)

    return handle
