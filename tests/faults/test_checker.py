"""Checker: each violation of an invariant is reported."""

from dataclasses import replace

import pytest

from tests.faults.checker import Consumer, Observed, Recorded, violations

EVENTS = [Recorded("e1", "k1", "d", 1), Recorded("e2", "k2", "d", 2), Recorded("e3", "k3", "other", 1)]
DONE = Consumer(effects=["e2", "e1"], counter=2, dead=["e3"], announced=["e3"])
WELL = Observed(
    invoked={"k1", "k2", "k3", "k4"},
    acknowledged={"k1", "k2"},
    committed=["k1", "k2", "k3"],
    recorded=EVENTS,
    stream=["e1", "e3", "e2"],
    consumers={"c": DONE},
    at_rest={"outbox": 0},
)


def test_a_mesh_that_is_well_has_no_violation() -> None:
    """A call that was not answered may be committed (k3) or not (k4), neither is a violation."""
    assert violations(WELL) == []


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (replace(WELL, acknowledged={"k1", "k4"}), "I1 acknowledged and lost: 1, such as k4"),
        (replace(WELL, invoked={"k1", "k2"}), "I1 committed and never called: 1, such as k3"),
        (replace(WELL, recorded=EVENTS[:2]), "I2 entry without its event: 1, such as k3"),
        (replace(WELL, committed=["k1", "k2"]), "I2 event without its entry: 1, such as k3"),
        (replace(WELL, recorded=[*EVENTS, EVENTS[0]]), "I2 event without its entry: 1, such as k1"),
        (replace(WELL, stream=["e1", "e2"]), "I3 recorded and not in the stream: 1, such as e3"),
        (replace(WELL, stream=["e1", "e2", "e3", "x"]), "I3 in the stream and never recorded: 1, such as x"),
        (replace(WELL, stream=["e1", "e2", "e1", "e3"]), "I3 twice in the stream: 1, such as e1"),
        (replace(WELL, stream=["e2", "e1", "e3"]), "I5 d: 1 after 2"),
        (
            replace(WELL, consumers={"c": replace(DONE, effects=["e1"], counter=1)}),
            "I4 c: without an end: 1, such as e2",
        ),
        (
            replace(WELL, consumers={"c": replace(DONE, effects=["e1", "e2", "e2"], counter=3)}),
            "I4 c: more than one end: 1, such as e2",
        ),
        (
            replace(WELL, consumers={"c": replace(DONE, effects=["e1", "e2", "e3"], counter=3)}),
            "I4 c: more than one end: 1, such as e3",
        ),
        (replace(WELL, consumers={"c": replace(DONE, counter=3)}), "I4 c: 3 counted, 2 effects"),
        (
            replace(WELL, consumers={"c": replace(DONE, announced=[])}),
            "I4 c: dead and not announced: 1, such as e3",
        ),
        (replace(WELL, at_rest={"outbox": 7}), "I9 outbox is not at rest: 7"),
    ],
)
def test_a_violation_is_told(seen: Observed, told: str) -> None:
    """Each violation is a line with the number of its invariant and an example."""
    assert told in violations(seen)


def test_an_id_may_be_twice_in_a_stream_that_forgets_ids() -> None:
    """A repeated id is no violation after the broker forgot ids; its first place counts for the order."""
    seen = replace(WELL, stream=["e1", "e2", "e1", "e3"], each_id_once=False)
    assert violations(seen) == []
