"""docs/events.md tells who publishes and who consumes each event, as the code has it."""

import re
from pathlib import Path

import pytest
from nats_utils import EVENTS
from nats_utils.events import EVENTS_STREAM, EventType
from service_kit.registry import services

PAGE = Path(__file__).parents[2] / "docs/events.md"


def built(cell: str) -> set[str]:
    """The services that *cell* of the table names, without those in italics, which are not built yet."""
    return set(re.findall("[a-z]+", re.sub(r"\*.*?\*|\(.*", "", cell)))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_the_page_tells_who_publishes_and_who_consumes(event: EventType) -> None:
    """In the row of its subject, beside its message."""
    lines = PAGE.read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"| `{event.subject}` |")]
    message, published_by, consumed_by = row.strip("| ").split(" | ")[1:]
    publishers = {name for name, service in services().items() if event.message in service.publishes}
    consumers = {
        name
        for name, service in services().items()
        if event.message in (subscription.event for subscription in service.subscriptions)
    }
    assert (message, built(published_by), built(consumed_by)) == (
        f"`{event.message.DESCRIPTOR.full_name}`",
        publishers,
        consumers,
    )


def test_the_drawing_has_an_arrow_for_each_publisher_and_each_subscription() -> None:
    """And no other; its last line counts them. Drawn anew by ./scripts/generate."""
    _, drawing, counted = re.split("```(?:mermaid)?\n", PAGE.read_text().split("<!-- end")[0])[-3:]
    arrows = {tuple(line.split(" --> ")) for line in map(str.strip, drawing.splitlines()) if "-->" in line}
    node = {event.message: event.name.replace(".", "_") for event in EVENTS if event.stream == EVENTS_STREAM}
    published = [(name, node.get(kind)) for name, one in services().items() for kind in one.publishes]
    consumed = [
        (node.get(subscription.event), name)
        for name, one in services().items()
        for subscription in one.subscriptions
    ]
    business = [arrow for arrow in consumed if arrow[0] is not None]
    assert arrows == {*business, *(arrow for arrow in published if arrow[1] is not None)}
    assert counted.split("<!--")[0].strip() == f"{len(node)} events, {len(business)} subscriptions."
