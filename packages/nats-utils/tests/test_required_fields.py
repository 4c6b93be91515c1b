"""Fields that a handler requires of an event."""

from datetime import UTC, datetime

import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from google.protobuf.timestamp_pb2 import Timestamp
from nats_utils import InvalidEvent, required_instant, required_text

NOON = datetime(2026, 1, 8, 12, 0, 0, 123456, tzinfo=UTC)


def stamp(instant: datetime) -> Timestamp:
    """*instant* as a message."""
    message = Timestamp()
    message.FromDatetime(instant)
    return message


def test_a_text_that_is_there_is_accepted() -> None:
    """It raises nothing."""
    required_text(ClientCreatedEvent(client_id="client-123"), "client_id")


def test_an_empty_text_is_refused_by_name() -> None:
    """The error names the field."""
    with pytest.raises(InvalidEvent, match="organisation_id is empty"):
        required_text(ClientCreatedEvent(client_id="client-123"), "client_id", "organisation_id")


def test_the_first_instant_that_is_set_counts() -> None:
    """In UTC, to the microsecond."""
    event = ClientCreatedEvent(timestamp=stamp(NOON))
    assert required_instant(event, "created_at", "timestamp") == NOON
    event.created_at.CopyFrom(stamp(NOON.replace(day=9)))
    assert required_instant(event, "created_at", "timestamp") == NOON.replace(day=9)


@pytest.mark.parametrize("seconds", [253402300800, -62135596801])
def test_an_instant_outside_the_calendar_is_refused(seconds: int) -> None:
    """The years 1 to 9999 are all that a datetime holds."""
    with pytest.raises(InvalidEvent, match="created_at"):
        required_instant(ClientCreatedEvent(created_at=Timestamp(seconds=seconds)), "created_at")


def test_an_event_without_any_of_the_instants_is_refused() -> None:
    """The error names all of them."""
    with pytest.raises(InvalidEvent, match="created_at and timestamp"):
        required_instant(ClientCreatedEvent(), "created_at", "timestamp")
