"""The invariants of the mesh, checked on what callers, tables and streams hold afterwards.

A calls invoked, OK answered OK, C committed entries, O events recorded, S events in the
stream, E effects and D dead letters of each consumer. `violations` is pure; its own tests
are in `test_checker.py`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recorded:
    """Event of the outbox: its id, and key, dossier and rank of the entry that it announces."""

    event_id: str
    key: str
    dossier: str
    rank: int


@dataclass
class Consumer:
    """Work of one consumer: event ids of its effects in order, its counter, its dead letters.

    *announced* are those dead letters that stand in the stream of dead letters as well.
    """

    effects: Sequence[str] = ()
    counter: int = 0
    dead: Sequence[str] = ()
    announced: Sequence[str] = ()


@dataclass
class Observed:
    """Everything known of the mesh after it has come to rest, as the sets above.

    *at_rest* counts by name what is still under way.
    """

    invoked: set[str]
    acknowledged: set[str]
    committed: Sequence[str]
    recorded: Sequence[Recorded]
    stream: Sequence[str]
    consumers: Mapping[str, Consumer]
    at_rest: Mapping[str, int] = field(default_factory=dict)
    each_id_once: bool = True  # in the stream; not when the broker forgets ids or messages


def violations(seen: Observed) -> list[str]:
    """The violated invariants, a line each with its number and up to three examples."""
    return [
        *_calls(seen),
        *_outbox(seen),
        *_stream(seen),
        *(line for name, consumer in seen.consumers.items() for line in _consumer(seen, name, consumer)),
        *(f"I9 {name} is not at rest: {number}" for name, number in seen.at_rest.items() if number),
    ]


def _calls(seen: Observed) -> Iterator[str]:
    committed = set(seen.committed)
    yield from _told("I1 acknowledged and lost", seen.acknowledged - committed)
    yield from _told("I1 committed and never called", committed - seen.invoked)


def _outbox(seen: Observed) -> Iterator[str]:
    announced = Counter(event.key for event in seen.recorded)
    committed = Counter(seen.committed)
    yield from _told("I2 entry without its event", (committed - announced).keys())
    yield from _told("I2 event without its entry", (announced - committed).keys())


def _stream(seen: Observed) -> Iterator[str]:
    recorded, stored = {event.event_id for event in seen.recorded}, Counter(seen.stream)
    yield from _told("I3 recorded and not in the stream", recorded - stored.keys())
    yield from _told("I3 in the stream and never recorded", stored.keys() - recorded)
    if seen.each_id_once:
        yield from _told("I3 twice in the stream", [one for one, number in stored.items() if number > 1])
    yield from _order(seen)


def _order(seen: Observed) -> Iterator[str]:
    events = {event.event_id: event for event in seen.recorded}
    last: dict[str, int] = {}
    # An event that was published twice counts where it was first: consumers skip the second one.
    for event_id in dict.fromkeys(seen.stream):
        event = events.get(event_id)
        if event is not None and event.rank < last.get(event.dossier, 0):
            yield f"I5 {event.dossier}: {event.rank} after {last[event.dossier]}"
        if event is not None:
            last[event.dossier] = event.rank


def _consumer(seen: Observed, name: str, consumer: Consumer) -> Iterator[str]:
    recorded = {event.event_id for event in seen.recorded}
    ends = Counter(consumer.effects) + Counter(consumer.dead)
    yield from _told(f"I4 {name}: without an end", recorded - ends.keys())
    yield from _told(f"I4 {name}: more than one end", [one for one, number in ends.items() if number > 1])
    yield from _told(f"I4 {name}: of nothing recorded", ends.keys() - recorded)
    yield from _told(f"I4 {name}: dead and not announced", set(consumer.dead) - set(consumer.announced))
    if consumer.counter != len(consumer.effects):
        yield f"I4 {name}: {consumer.counter} counted, {len(consumer.effects)} effects"


def _told(what: str, found: object) -> Iterator[str]:
    names = sorted(found)  # type: ignore[call-overload]  # an iterable of texts
    if names:
        yield f"{what}: {len(names)}, such as {', '.join(names[:3])}"
