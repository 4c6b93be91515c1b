"""A subscription as a value: which event, what to do with it, what to look up before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db_utils import parse_uuid
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg

from nats_utils.events import EventType, InvalidEvent, event_type


@dataclass(frozen=True, slots=True)
class Subscription:
    """*handler* runs once per event of class *event*, in the transaction of its claim.

    It gets the event and the transaction and must not touch anything else: mails, files and
    calls are intents written as rows. A read-only *lookup* may ask other services before the
    transaction; it gets the event and the application, and its result is the handler's third
    argument. InvalidEvent, or a value that its column does not take, sends the message to the
    dead letters without another attempt.
    """

    event: type[Message]
    handler: Callable[..., Awaitable[None]]
    lookup: Callable[[Any, Any], Awaitable[Any]] | None = None

    @property
    def kind(self) -> EventType:
        """The event in the table of events."""
        return event_type(self.event)

    def consumer(self, service: str) -> str:
        """The durable name, shared by all replicas of *service*: "email--client-created"."""
        return f"{service}--{self.kind.token}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A readable message of a subscription."""

    message: Msg
    event: Message
    event_id: UUID

    @property
    def again(self) -> bool:
        """Whether the broker has delivered this message before."""
        return self.message.metadata.num_delivered > 1


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
