"""The closed table of events."""

import pytest
from crm.clients.clients_pb2 import ClientBase
from crm.events.business_pb2 import ClientCreatedEvent
from nats_utils import EVENTS, EventType, InvalidEvent, event_type, required_text


def test_five_business_events_and_one_of_identity() -> None:
    """Nothing else can be published."""
    assert [event.subject for event in EVENTS] == [
        "crm.events.client.created",
        "crm.events.invoice.created",
        "crm.events.payment.received",
        "crm.events.payment.rejected",
        "crm.events.contract.signed",
        "crm.identity.user.login",
    ]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
def test_an_event_is_found_by_its_class(kind: EventType) -> None:
    """Every class of the table leads to its entry."""
    assert event_type(kind.message) == kind


def test_other_messages_are_no_events() -> None:
    """A message class outside the table is refused by name."""
    with pytest.raises(LookupError, match="ClientBase"):
        event_type(ClientBase)


def test_a_required_text_must_not_be_empty() -> None:
    """The first empty field is named."""
    required_text(ClientCreatedEvent(nom="n", email="e"), "nom", "email")
    with pytest.raises(InvalidEvent, match="email is empty"):
        required_text(ClientCreatedEvent(nom="n"), "nom", "email")
