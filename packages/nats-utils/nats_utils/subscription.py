"""A subscription as a value: which event, what to do with it, what to look up before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from db_utils import parse_uuid
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg

from nats_utils.events import EventType, InvalidEvent, event_type
from nats_utils.outbox import MESSAGE_ID

_UNREADABLE = UUID("6f1d3c0a-4b1e-5d0b-9a55-2f6d8c1e7b42")  # namespace of the ids made up below


@dataclass(frozen=True, slots=True)
class Patience:
    """How much failing a subscription bears, in seconds (C13).

    *waits* follow each failed attempt but the last; a *handler* or look-up that takes longer
    has failed; the broker delivers a message again when it hears nothing of it for *silence*.
    """

    waits: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)
    handler: float = 10.0
    silence: float = 30.0

    @property
    def attempts(self) -> int:
        """After so many failures a message is given up."""
        return len(self.waits) + 1


@dataclass(frozen=True, slots=True)
class Subscription:
    """*handler* runs once per event of class *event*, in the transaction of its claim.

    It gets the event and the transaction and must not touch anything else: mails, files and
    calls are intents written as rows. A read-only *lookup* may ask other services before the
    transaction; it gets the event and the application, and its result is the handler's third
    argument. InvalidEvent, or a value that its column does not take, sends the message to the
    dead letters without another attempt. Events may come in another order than they were
    published in: after a failure, a crash, or with several replicas.
    """

    event: type[Message]
    handler: Callable[..., Awaitable[None]]
    lookup: Callable[[Any, Any], Awaitable[Any]] | None = None
    patience: Patience = Patience()

    @property
    def kind(self) -> EventType:
        """The event in the table of events."""
        return event_type(self.event)

    def consumer(self, service: str) -> str:
        """The durable name, shared by all replicas of *service*: "email--client-created"."""
        return f"{service}--{self.kind.token}"


@dataclass(slots=True)
class Delivery:
    """A message of a subscription, with its *event*, or with the *fault* that hides it.

    *attempt* is the number of the attempt that was begun and not ended, 0 without one.
    """

    message: Msg
    event: Message | None
    event_id: UUID
    fault: InvalidEvent | None = None
    attempt: int = 0

    @property
    def again(self) -> bool:
        """Whether the broker has delivered this message before."""
        return self.message.metadata.num_delivered > 1


def delivery(kind: type[Message], message: Msg) -> Delivery:
    """*message* read as an event of class *kind*."""
    try:
        event, event_id = read(kind, message.data)
    except InvalidEvent as fault:
        return Delivery(message, None, _id_of(message), fault)
    return Delivery(message, event, event_id)


def read(kind: type[Message], payload: bytes) -> tuple[Message, UUID]:
    """The event in *payload* and its id. Raises InvalidEvent."""
    try:
        event: Any = kind.FromString(payload)
    except DecodeError:
        raise InvalidEvent(f"not a {kind.__name__}") from None
    event_id = parse_uuid(event.event_id)
    if event_id is None:
        raise InvalidEvent("event_id is not a UUID")
    return event, event_id


def _id_of(message: Msg) -> UUID:
    """An id for a message that does not tell its own, the same at each delivery.

    Its id on the bus, or else its place there: a stream made anew has the same sequences,
    but not at the same times.
    """
    place = message.metadata
    named = (message.headers or {}).get(MESSAGE_ID)
    return uuid5(
        _UNREADABLE, named or f"{place.stream}:{place.sequence.stream}:{place.timestamp.isoformat()}"
    )
