"""Spans of events, as the semantic conventions of OpenTelemetry for messaging name them.

An event is published in a span of its own, whose headers are kept with its outbox row; each handler
of the event is a span below that one, in whatever service and however much later it runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from nats.aio.msg import Msg
from trace_utils import Attributes, Carrier, Tracer, checked, current_tracer

from nats_utils.events import EventType

Headers = Mapping[str, str] | None  # of a message, as nats-py has them
_SYSTEM: Final = {"messaging.system": "nats"}


def published(kind: EventType, event_id: str) -> dict[str, str]:
    """The headers of an event of *kind* that is being recorded now, none while tracing is off."""
    tracer = current_tracer()
    if tracer is None:
        return {}
    attributes: Attributes = {
        **_SYSTEM,
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": kind.subject,
        "messaging.message.id": event_id,
    }
    span = tracer.begin("producer", f"publish {kind.subject}", attributes)
    span.end()
    return span.carrier


def carrier_of(message: Msg) -> Carrier:
    """The trace that the headers of *message* carry; anybody may have sent them."""
    return checked((message.headers or {}).items())


class HandlerSpans:
    """The spans of the work of *consumer* on events of *kind*."""

    def __init__(self, tracer: Tracer, consumer: str, kind: EventType) -> None:
        self._tracer, self._kind = tracer, kind
        self._attributes: Attributes = {
            **_SYSTEM,
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": kind.subject,
            "messaging.consumer.group.name": consumer,
        }

    @contextmanager
    def current(self, work: str, event_id: str, headers: Headers) -> Iterator[None]:
        """A span of *work* on the event *event_id* inside, below the one that its *headers* carry."""
        attributes = {**self._attributes, "messaging.message.id": event_id}
        origin = checked((headers or {}).items())
        span = self._tracer.begin("consumer", f"{work} {self._kind.subject}", attributes, parent=origin)
        with self._tracer.current(span):
            try:
                yield
            except BaseException as error:
                span.fail(type(error).__name__)
                raise
