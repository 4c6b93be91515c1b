"""Messages as the consume loop gets them: read once, never changed, each brought to an outcome."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from db_utils import parse_uuid
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg

from nats_utils.events import InvalidEvent
from nats_utils.outbox import MESSAGE_ID

_UNREADABLE = UUID("6f1d3c0a-4b1e-5d0b-9a55-2f6d8c1e7b42")  # namespace of the ids made in _made_id


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with its *event*, or with the *fault* for which it has none.

    *again* says that the broker had delivered the message before: its acknowledgement was
    lost, its handling failed, or its handling ended the process.
    """

    message: Msg
    event: Any
    event_id: UUID
    again: bool = False
    fault: InvalidEvent | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the broker is told of a delivery: an acknowledgement, or a refusal.

    A refused message is delivered again after *retry_after* seconds.
    """

    retry_after: float | None = None


DONE: Final = Outcome()


def received(kind: type[Message], message: Msg) -> Delivery:
    """*message* as a delivery of an event of class *kind*."""
    again = message.metadata.num_delivered > 1
    try:
        event, event_id = read(kind, message.data)
    except InvalidEvent as fault:
        return Delivery(message, None, _made_id(message), again, fault)
    return Delivery(message, event, event_id, again)


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


def _made_id(message: Msg) -> UUID:
    """An id for a message without a readable one, the same at each delivery."""
    place, headers = message.metadata, message.headers or {}
    # The time is a part of the place: a stream made anew has the same sequences at other times.
    made_of = f"{place.stream}:{place.sequence.stream}:{place.timestamp.isoformat()}"
    return uuid5(_UNREADABLE, headers.get(MESSAGE_ID) or made_of)
