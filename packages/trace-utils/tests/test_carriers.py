"""Headers of a trace as anybody may send them: taken as the standard has them, or not at all."""

import pytest
from trace_utils import NOWHERE, checked

IDS = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PARENT = f"00-{IDS}"


def test_a_trace_is_carried_by_its_two_headers() -> None:
    """Other headers are left out; white space around members of the state too."""
    headers = [("x", "y"), ("traceparent", PARENT), ("tracestate", "a=1, b@c=2\t,")]
    assert checked(headers) == {"traceparent": PARENT, "tracestate": "a=1,b@c=2"}


def test_of_several_parents_the_first_counts() -> None:
    """As with correlation ids."""
    second = PARENT.replace("0af7", "1af7")
    assert checked([("traceparent", PARENT), ("traceparent", second)]) == {"traceparent": PARENT}


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """Parts behind the flags are left out, and it goes on as version 00."""
    assert checked([("traceparent", f"01-{IDS}-more")]) == {"traceparent": PARENT}


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        PARENT.upper(),
        f" {PARENT}",
        f"{PARENT}\n",
        f"{PARENT}-more",
        f"ff-{IDS}",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        f"01-{IDS}-{'x' * 500}",
        f"00-{IDS[:-1]}é",
        b"00-" + IDS.encode(),
        None,
    ],
)
def test_a_parent_that_is_not_one_begins_no_trace(parent: object) -> None:
    """Nor does its state."""
    assert checked([("traceparent", parent), ("tracestate", "a=1")]) == NOWHERE


@pytest.mark.parametrize(
    "state",
    [
        "a",
        "a=",
        "=1",
        "A=1",
        "a=1,a=2",
        "a=1\n",
        "a=é",
        "a=" + "x" * 300,
        ",".join(f"k{n}=1" for n in range(33)),
    ],
)
def test_a_state_that_is_not_one_is_left_out(state: str) -> None:
    """The trace goes on without it."""
    assert checked([("traceparent", PARENT), ("tracestate", state)]) == {"traceparent": PARENT}
