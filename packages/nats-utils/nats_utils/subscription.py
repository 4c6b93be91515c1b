"""Subscriptions as values: the event, its handler, a look-up before it, retries and timeouts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from nats_utils.events import EventType, event_type


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries and timeouts of a subscription, in seconds; the defaults are those of C13.

    *waits* follow each failed attempt but the last. A handler or look-up that runs longer
    than *handler* has failed. The broker delivers a message again, to any replica, after
    hearing nothing of it for *silence*.
    """

    waits: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)
    handler: float = 10.0
    silence: float = 30.0

    @property
    def attempts(self) -> int:
        """The number of failed attempts that makes a message a dead letter."""
        return len(self.waits) + 1


@dataclass(frozen=True, slots=True)
class Subscription:
    """A *handler* for the events of class *event*; each event has its effect once.

    The handler runs in the transaction that claims the event. It gets the event and the
    transaction and must not touch anything else: mails, files and calls are intents written
    as rows. A read-only *lookup* may ask other services before the transaction; it gets the
    event and the application, and its result is the handler's third argument. InvalidEvent,
    or a value that its column does not take, makes the message a dead letter without another
    attempt. After a failure, a crash, or with several replicas, events may come in another
    order than that of their publication.
    """

    event: type[Message]
    handler: Callable[..., Awaitable[None]]
    lookup: Callable[[Any, Any], Awaitable[Any]] | None = None
    retry_policy: RetryPolicy = RetryPolicy()

    @property
    def kind(self) -> EventType:
        """The event in the table of events."""
        return event_type(self.event)

    def consumer(self, service: str) -> str:
        """The durable name, shared by all replicas of *service*: "email--client-created"."""
        return f"{service}--{self.kind.token}"
