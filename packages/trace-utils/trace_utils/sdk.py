"""Tracing by OpenTelemetry's SDK: imported by `tracing.py` when it is switched on, and by nobody else."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from trace_utils.carriers import Carrier
from trace_utils.switch import CONSOLE, OTLP, exporters
from trace_utils.tracing import Attributes, Kind, note_part, working

_log = logging.getLogger(__name__)

_W3C: Final = "tracecontext"
_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}


class _Withheld(logging.Filter):
    """Withholds the header that OpenTelemetry could not read: it may hold the key of the collector."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = (
            "OTEL_EXPORTER_OTLP_HEADERS: what is not name=value, URL encoded, is left out",
            (),
        )
        return True


logging.getLogger("opentelemetry.util.re").addFilter(_Withheld())
_propagator: Final = TraceContextTextMapPropagator()


def started(environment: Mapping[str, str]) -> "SdkTracing":
    """Tracing with the exporters and the propagators that *environment* asks for.

    What it asks for and is not there is left out with a warning: nobody is kept from serving.
    """
    _forget_empty()
    processors = [BatchSpanProcessor(make()) for make in map(_maker, exporters(environment)) if make]
    names = {name.strip() for name in environment.get("OTEL_PROPAGATORS", _W3C).split(",")}
    if unknown := names - {_W3C, "none", "baggage"}:
        _log.warning("OTEL_PROPAGATORS: %s is not supported, %s is", ", ".join(sorted(unknown)), _W3C)
    return SdkTracing(processors, propagating=_W3C in names)


def import_exporters(environment: Mapping[str, str]) -> None:
    """Import the exporters that *environment* asks for."""
    for name in exporters(environment):
        _maker(name)


def _forget_empty() -> None:
    """Unset the variables that are empty: the SDK would take some of them for a value."""
    for name in [name for name, value in os.environ.items() if name.startswith("OTEL_") and not value]:
        del os.environ[name]


def _maker(name: str) -> Callable[[], SpanExporter] | None:
    """What makes the exporter *name*."""
    if name == CONSOLE:
        return lambda: ConsoleSpanExporter(
            out=sys.stdout, formatter=lambda span: f"{span.to_json(indent=None)}\n"
        )
    if name == OTLP and _protocol() == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter
    told = f"OTEL_EXPORTER_OTLP_PROTOCOL={_protocol()}" if name == OTLP else f"OTEL_TRACES_EXPORTER={name}"
    _log.warning("%s is not supported, no spans go there: use otlp over http/protobuf, or console", told)
    return None


def _protocol() -> str:
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    return next(filter(None, map(os.environ.get, names)), "http/protobuf")


class SdkTracing:
    """Tracing of a process whose spans go to *processors*, which all of its services share."""

    def __init__(self, processors: Sequence[SpanProcessor], *, propagating: bool) -> None:
        self._processors, self._propagating = processors, propagating
        self.tracer = cache(self._tracer)

    def _tracer(self, service: str) -> "SdkTracer":
        named = SERVICE_NAME in OTELResourceDetector().detect().attributes
        provider = TracerProvider(
            resource=Resource.create({} if named else {SERVICE_NAME: service}), shutdown_on_exit=False
        )
        for processor in self._processors:
            provider.add_span_processor(processor)
        return SdkTracer(provider.get_tracer("crm"), self)

    def extracted(self, carrier: Carrier) -> Context:
        """The place of *carrier* in its trace."""
        return _propagator.extract(carrier, Context()) if self._propagating else Context()

    def carried(self, span: trace.Span | None = None) -> dict[str, str]:
        """The headers that carry *span*, by default the current one."""
        headers: dict[str, str] = {}
        if self._propagating:
            _propagator.inject(headers, None if span is None else trace.set_span_in_context(span, Context()))
        return headers

    def trace_id(self) -> str:
        """The id of the current trace."""
        found = trace.get_current_span().get_span_context()
        return trace.format_trace_id(found.trace_id) if found.is_valid else ""

    def resume(self, carrier: Carrier) -> None:
        """Make *carrier* the current place of this task."""
        context.attach(self.extracted(carrier))

    def stop(self) -> None:
        """Send what has ended."""
        for processor in self._processors:
            processor.shutdown()


class SdkTracer:
    """Makes spans by *tracer*."""

    def __init__(self, tracer: trace.Tracer, tracing: SdkTracing) -> None:
        self._tracer, self._tracing = tracer, tracing

    def begin(
        self,
        kind: Kind,
        name: str,
        attributes: Attributes,
        parent: Carrier | None = None,
        links: Sequence[Carrier] = (),
    ) -> "SdkSpan":
        """See `Tracer.begin`."""
        begun = self._tracer.start_span(
            name,
            None if parent is None else self._tracing.extracted(parent),
            _KINDS[kind],
            attributes,
            [Link(_place(self._tracing.extracted(one))) for one in links],
        )
        return SdkSpan(begun, self._tracing)

    @contextmanager
    def current(self, span: Any) -> Iterator[None]:
        """See `Tracer.current`."""
        place, tracer = context.attach(trace.set_span_in_context(span.inner)), working.set(self)
        try:
            yield
        finally:
            working.reset(tracer)
            context.detach(place)
            span.end()
            note_part(span.carrier)


def _place(found: Context) -> trace.SpanContext:
    return trace.get_current_span(found).get_span_context()


class SdkSpan:
    """A span of the SDK."""

    def __init__(self, inner: trace.Span, tracing: SdkTracing) -> None:
        self.inner, self._tracing = inner, tracing

    @property
    def carrier(self) -> dict[str, str]:
        """See `Span.carrier`."""
        return self._tracing.carried(self.inner)

    def note(self, name: str, value: str | int | bool) -> None:
        """See `Span.note`."""
        self.inner.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        """See `Span.fail`."""
        self.inner.set_attribute(ERROR_TYPE, kind)
        self.inner.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """See `Span.end`."""
        self.inner.end()
