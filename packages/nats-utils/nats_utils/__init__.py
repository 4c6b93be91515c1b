"""Events between services: recorded with their cause, published, each with one effect per consumer.

The way of an event: `outbox.py` → `relay.py` → the broker → `subscriber.py` → `handling.py`.
This package never imports grpc_utils.
"""

from nats_utils.bus import Bus, connect_once
from nats_utils.ending import end, together
from nats_utils.events import (
    EVENTS,
    EVENTS_STREAM,
    IDENTITY_STREAM,
    EventType,
    InvalidEvent,
    event_type,
    required_instant,
    required_text,
)
from nats_utils.following import follow_revocations
from nats_utils.handling import Handling
from nats_utils.live import Live, live_subjects
from nats_utils.outbox import publish
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.relay import Relay
from nats_utils.replayer import Replayer
from nats_utils.revocations import announce_revocation
from nats_utils.streams import STREAMS, Stream, StreamDrift, declare, declared, different_settings
from nats_utils.subscriber import Subscriber
from nats_utils.subscription import RetryPolicy, Subscription

__all__ = [
    "EVENTS",
    "EVENTS_STREAM",
    "IDENTITY_STREAM",
    "STREAMS",
    "Bus",
    "EventType",
    "Handling",
    "InvalidEvent",
    "Live",
    "ProcessedEventsRepository",
    "Relay",
    "Replayer",
    "RetryPolicy",
    "Stream",
    "StreamDrift",
    "Subscriber",
    "Subscription",
    "announce_revocation",
    "connect_once",
    "declare",
    "declared",
    "different_settings",
    "end",
    "event_type",
    "follow_revocations",
    "live_subjects",
    "processed_events",
    "publish",
    "required_instant",
    "required_text",
    "tables",
    "together",
]
