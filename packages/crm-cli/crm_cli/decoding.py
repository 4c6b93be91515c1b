"""`crm decode`: the event in a payload, and its content as JSON.

Loads the contracts and nothing else, because `nats sub --translate` runs it for each message.
"""

import json
import re
import uuid
from typing import Any

from crm.events import business_pb2, identity_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

from crm_cli.home import CommandError


def _event_name(class_name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", ".", class_name.removesuffix("Event")).lower()


# ClientCreatedEvent is published at ….client.created: contracts and subjects agree by name.
EVENT_CLASSES: dict[str, type[Message]] = {
    _event_name(name): getattr(contract, name)
    for contract in (business_pb2, identity_pb2)
    for name in contract.DESCRIPTOR.message_types_by_name
}


class UnknownSubject(CommandError):
    """Subject at which no event is published."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"no event is published at {subject!r}; events: {', '.join(EVENT_CLASSES)}")


def name_at(subject: str) -> str:
    """The event published or dead-lettered at *subject*: "client.created". Raises UnknownSubject."""
    parts = subject.replace("-", ".").split(".")
    name = ".".join(parts[-2:])
    if name not in EVENT_CLASSES:
        raise UnknownSubject(subject)
    return name


def read(name: str, payload: bytes) -> dict[str, Any]:
    """The content of *payload* as event *name*. Raises CommandError when it is none."""
    try:
        return MessageToDict(EVENT_CLASSES[name].FromString(payload))
    except DecodeError:
        raise CommandError(f"{len(payload)} bytes that are no {name}") from None


def candidates(payload: bytes) -> list[str]:
    """The events that *payload* can be: all fields known, an id and a time of an event.

    Two of them share their wire types (contract.signed and a payment.received without
    facture and contrat), so there may be more than one.
    """
    return [name for name, kind in EVENT_CLASSES.items() if _fits(kind, payload)]


def decoded(payload: bytes, subject: str = "") -> str:
    """*payload* as one line of JSON: `{"event", "data"}`, or `{"ambiguous"}` with each reading.

    Raises CommandError when it is no event.
    """
    names = [name_at(subject)] if subject else candidates(payload)
    if not names:
        raise CommandError(
            f"{len(payload)} bytes that are no event of the CRM; with --subject the mistake can be named"
        )
    if len(names) == 1:
        return as_json({"event": names[0], "data": read(names[0], payload)})
    return as_json({"ambiguous": {name: read(name, payload) for name in names}})


def as_json(content: object) -> str:
    """*content* as one line, accents kept."""
    return json.dumps(content, ensure_ascii=False)


def _fits(kind: type[Message], payload: bytes) -> bool:
    try:
        event: Any = kind.FromString(payload)
    except DecodeError:
        return False
    size = event.ByteSize()
    event.DiscardUnknownFields()
    return event.ByteSize() == size and event.HasField("timestamp") and _is_uuid(event.event_id)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
