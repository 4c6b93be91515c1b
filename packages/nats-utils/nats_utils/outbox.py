"""Events recorded in the transaction of their cause. `relay.py` publishes them, and nothing else does."""

import re
from typing import Any

from db_utils import Transaction, clock, context, uuid7
from google.protobuf.message import Message

from nats_utils.events import event_type
from nats_utils.tables import OutboxRow
from nats_utils.traced_events import published

MESSAGE_ID = "Nats-Msg-Id"
CORRELATION = "x-correlation-id"
LARGEST = 256 * 1024  # bytes, far below the broker's limit of 1 MB: no row can block the relay
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class EventTooLarge(ValueError):
    """An event of more than 256 KiB. Events name things; they carry no documents."""


def publish(tx: Transaction, event: Message) -> None:
    """Record *event* in the outbox of *tx*, completing its id, time and correlation id.

    It reaches the broker at least once after the commit, whatever is killed meanwhile, and
    never if *tx* rolls back. Events about one row keep the order of its changes. Raises
    EventTooLarge, and LookupError for a message that is not one of the events.
    """
    kind = event_type(type(event))
    filled: Any = event
    filled.event_id = filled.event_id or str(uuid7())
    if not filled.HasField("timestamp"):
        filled.timestamp.FromDatetime(clock.now())
    filled.correlation_id = filled.correlation_id or context.correlation_id.get()
    payload = event.SerializeToString()
    if len(payload) > LARGEST:
        raise EventTooLarge(f"{kind.name}: {len(payload)} bytes")
    tx.insert_at_commit(
        OutboxRow(
            message_id=filled.event_id,
            stream=kind.stream,
            subject=kind.subject,
            payload=payload,
            headers=correlation_headers(filled.correlation_id) | published(kind, filled.event_id),
        )
    )


def safe_correlation(correlation_id: str) -> str:
    """*correlation_id* if headers and logs can hold it, else "": outside publishers send any text."""
    return correlation_id if _SAFE.fullmatch(correlation_id) else ""


def correlation_headers(correlation_id: str) -> dict[str, str]:
    """The message headers that carry *correlation_id*, none for an unsafe or empty one."""
    return {CORRELATION: correlation_id} if _SAFE.fullmatch(correlation_id) else {}
