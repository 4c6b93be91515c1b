"""Refusals of rules as those of an event."""

import pytest
from grpc_utils import money
from nats_utils import InvalidEvent
from service_kit import invalid_when_refused


def test_C13_an_event_whose_content_is_refused_is_invalid() -> None:
    """Its dead letter names the reason; what is not refused passes."""
    with invalid_when_refused():
        kept = money(1000, "montant")
    with pytest.raises(InvalidEvent, match=r"^MONTANT_INVALIDE$"), invalid_when_refused():
        money(float("nan"), "montant")
    assert kept == 1000
