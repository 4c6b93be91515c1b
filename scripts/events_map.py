"""Draws the map of events in docs/events.md from what the services declare; `scripts/check` compares it."""

import re
from collections.abc import Iterator
from pathlib import Path

from nats_utils import EVENTS
from nats_utils.events import EVENTS_STREAM, EventType
from service_kit import Service
from service_kit.registry import services

PAGE = Path(__file__).parent.parent / "docs/events.md"
BEGIN, END = "<!-- drawn by ./scripts/generate -->", "<!-- end of the drawing -->"


def consumers(event: EventType) -> list[str]:
    """The services that subscribe to *event*."""
    return [
        name
        for name, service in services().items()
        if event.message in (subscription.event for subscription in service.subscriptions)
    ]


def picture() -> str:
    """The map of the events of the business, as a drawing with what it counts below it."""
    business = [event for event in EVENTS if event.stream == EVENTS_STREAM]
    lines = [line for event in business for line in _around(event, services())]
    total = sum(len(consumers(event)) for event in business)
    drawing = "\n".join(["```mermaid", "flowchart LR", *lines, "```"])
    return f"{drawing}\n\n{len(business)} events, {total} subscriptions."


def _around(event: EventType, known: dict[str, Service]) -> Iterator[str]:
    node = event.name.replace(".", "_")
    yield f'  {node}(["{event.name}"])'
    for name, service in known.items():
        if event.message in service.publishes:
            yield f"  {name} --> {node}"
    for name in consumers(event):
        yield f"  {node} --> {name}"


def main() -> None:
    """Write the map between its two marks."""
    text = PAGE.read_text()
    drawn = re.sub(f"(?s){BEGIN}.*{END}", lambda _: f"{BEGIN}\n{picture()}\n{END}", text)
    PAGE.write_text(drawn)


if __name__ == "__main__":
    main()
