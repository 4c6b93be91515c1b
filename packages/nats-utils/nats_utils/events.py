"""The closed table of events: five of the business and one of identity. Nothing else can be published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from crm.events import business_pb2, identity_pb2
from google.protobuf.message import Message

EVENTS_STREAM: Final = "CRM_EVENTS"
IDENTITY_STREAM: Final = "CRM_IDENTITY"
DEAD_LETTERS_STREAM: Final = "CRM_DEAD_LETTERS"
REVOCATIONS_STREAM: Final = "KV_CRM_REVOCATIONS"  # the key-value bucket CRM_REVOCATIONS


@dataclass(frozen=True, slots=True)
class EventType:
    """The message class of an event, its *name* ("client.created"), its subject and its stream."""

    message: type[Message]
    name: str
    subject: str
    stream: str

    @property
    def token(self) -> str:
        """The name as one token of a subject or durable name: "client-created"."""
        return self.name.replace(".", "-")


def _business(message: type[Message], name: str) -> EventType:
    return EventType(message, name, f"crm.events.{name}", EVENTS_STREAM)


EVENTS: Final = (
    _business(business_pb2.ClientCreatedEvent, "client.created"),
    _business(business_pb2.InvoiceCreatedEvent, "invoice.created"),
    _business(business_pb2.PaymentReceivedEvent, "payment.received"),
    _business(business_pb2.PaymentRejectedEvent, "payment.rejected"),
    _business(business_pb2.ContractSignedEvent, "contract.signed"),
    EventType(identity_pb2.UserLoginEvent, "user.login", "crm.identity.user.login", IDENTITY_STREAM),
)

_BY_MESSAGE: Mapping[type[Message], EventType] = {event.message: event for event in EVENTS}


def event_type(message: type[Message]) -> EventType:
    """The event whose message class is *message*. Raises LookupError for anything else."""
    try:
        return _BY_MESSAGE[message]
    except KeyError:
        raise LookupError(f"{message.__name__} is not one of the events of the CRM") from None


class InvalidEvent(ValueError):
    """An event that no attempt can handle. Raised by a handler or look-up, it makes a dead letter at once."""


def required_text(event: Any, *fields: str) -> None:
    """Refuse an *event* in which one of *fields* is empty. Raises InvalidEvent."""
    for field in fields:
        if not getattr(event, field):
            raise InvalidEvent(f"{field} is empty")


def required_instant(event: Any, *fields: str) -> datetime:
    """The instant in the first of *fields* that *event* carries, in UTC.

    Raises InvalidEvent when it carries none, or one outside the years 1 to 9999.
    """
    for field in fields:
        if event.HasField(field):
            try:
                instant: datetime = getattr(event, field).ToDatetime(tzinfo=UTC)
            except (OverflowError, ValueError):
                raise InvalidEvent(f"{field} is no instant") from None
            return instant
    raise InvalidEvent(f"{' and '.join(fields)} are not set")
