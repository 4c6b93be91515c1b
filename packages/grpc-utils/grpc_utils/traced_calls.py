"""Spans of calls, as the semantic conventions of OpenTelemetry for RPC name them.

They hold no request, no answer, no metadata and nobody's name. A process that does not trace makes
neither `ServerSpans` nor `ClientSpans`.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import grpc
from trace_utils import Attributes, Span, Tracer, checked, trace_id, tracer_of

from grpc_utils.errors import Refusal
from grpc_utils.telemetry import Calls

_STATUS: Final = "rpc.grpc.status_code"
_CORRELATION: Final = "crm.correlation_id"
# Of a server's answers these are its failures; any other refusal is what the caller asked for.
_FAULTS: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_answered: ContextVar[Span] = ContextVar("answered")  # the span of the call that is being answered

Ended = Callable[[str, float, grpc.StatusCode, str, str], None]  # as `Calls.ended` without the trace


def _described(path: str) -> tuple[str, Attributes]:
    """The name of the span of a call of *path*, and what it says of the method."""
    service, _, method = path.strip("/").rpartition("/")
    return path.strip("/"), {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}


class ServerSpans:
    """The spans of the calls that a service answers."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @classmethod
    def of(cls, service: str) -> "ServerSpans | None":
        """The spans of *service*, None while tracing is off."""
        tracer = tracer_of(service)
        return None if tracer is None else cls(tracer)

    @contextmanager
    def current(self, path: str, metadata: Iterable[tuple[str, object]]) -> Iterator[None]:
        """The span of a call of *path* inside, below the span that *metadata* carries."""
        span = self._tracer.begin("server", *_described(path), parent=checked(metadata))
        _answered.set(span)
        with self._tracer.current(span):
            yield

    def ending(self, calls: Calls) -> Ended:
        """`Calls.ended` of *calls* that tells the span of the call as well."""

        def ended(path: str, started: float, code: grpc.StatusCode, correlation: str, caller: str) -> None:
            span = _answered.get()
            span.note(_STATUS, code.value[0])
            span.note(_CORRELATION, correlation)
            if code in _FAULTS:
                span.fail(code.name)
            calls.ended(path, started, code, correlation, caller, trace_id())

        return ended


class ClientSpans:
    """The spans of the calls that a service makes."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def of(self, details: grpc.aio.ClientCallDetails) -> Iterator[grpc.aio.ClientCallDetails]:
        """*details* that carry a span, for the call inside, with whose end it ends.

        The span is never the current one: the messages of a stream may be read in another context.
        """
        path = details.method.decode() if isinstance(details.method, bytes) else details.method
        span = self._tracer.begin("client", *_described(path))
        try:
            yield _carrying(details, span.carrier)
            span.note(_STATUS, 0)
        except (Refusal, grpc.aio.AioRpcError) as error:
            _fail(span, error.code if isinstance(error, Refusal) else error.code())
            raise
        except (asyncio.CancelledError, GeneratorExit):  # nobody waits for the answer any more
            _fail(span, grpc.StatusCode.CANCELLED)
            raise
        finally:
            span.end()


def _fail(span: Span, code: grpc.StatusCode) -> None:
    span.note(_STATUS, code.value[0])
    span.fail(code.name)


def _carrying(details: grpc.aio.ClientCallDetails, carrier: dict[str, str]) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=details.timeout,
        metadata=grpc.aio.Metadata(*(details.metadata or ()), *carrier.items()),
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )
