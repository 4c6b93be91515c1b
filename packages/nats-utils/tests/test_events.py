"""The closed table of events."""

import pytest
from crm.clients.clients_pb2 import ClientBase
from crm.events.business_pb2 import ClientCreatedEvent
from nats_utils import EVENTS, EventType, InvalidEvent, event_at, event_type, required_text


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
def test_an_event_is_found_by_class_by_subject_and_among_the_dead(kind: EventType) -> None:
    """The three ways to an event lead to the same one."""
    found = [event_type(kind.message), event_at(kind.subject), event_at(f"crm.dlq.email.{kind.token}")]
    assert found == [kind, kind, kind]


@pytest.mark.parametrize("subject", ["crm.events.client.deleted", "client-created", "", "crm.dlq.email.x"])
def test_other_subjects_are_no_events(subject: str) -> None:
    """A subject outside the table has no event."""
    assert event_at(subject) is None


def test_other_messages_are_no_events() -> None:
    """A message class outside the table is refused by name."""
    with pytest.raises(LookupError, match="ClientBase"):
        event_type(ClientBase)


def test_a_required_text_must_not_be_empty() -> None:
    """The first empty field is named."""
    required_text(ClientCreatedEvent(nom="n", email="e"), "nom", "email")
    with pytest.raises(InvalidEvent, match="email is empty"):
        required_text(ClientCreatedEvent(nom="n"), "nom", "email")
