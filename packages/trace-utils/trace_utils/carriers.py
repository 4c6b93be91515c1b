"""The headers of a trace (W3C Trace Context), checked before anything else reads them.

They come from anybody: from callers, and from publishers on the bus. What is not exactly as the
standard has it counts as absent and is never logged.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
Carrier = Mapping[str, str]
NOWHERE: Final[Carrier] = MappingProxyType({})  # carries no trace

_IDS = r"(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
# A later version may add parts behind these, which are left out (section 4.3 of the standard).
_PARENT = re.compile(rf"00-({_IDS})|(?!00|ff)[0-9a-f]{{2}}-({_IDS})(?:-[!-~]{{0,400}})?")
_MEMBER = re.compile(
    r"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[!-+\--<>-~]{1,256}"
)
_MOST_MEMBERS, _LONGEST_STATE = 32, 512


def checked(headers: Iterable[tuple[str, object]]) -> Carrier:
    """The trace that *headers* carry, NOWHERE if none; of several of one name the first counts."""
    found: dict[str, object] = {}
    for name, value in headers:
        if name in (TRACEPARENT, TRACESTATE):
            found.setdefault(name, value)
    parent = _parent(found.get(TRACEPARENT))
    if not parent:
        return NOWHERE
    state = _state(found.get(TRACESTATE))
    return {TRACEPARENT: parent, TRACESTATE: state} if state else {TRACEPARENT: parent}


def _parent(value: object) -> str:
    match = _PARENT.fullmatch(value) if isinstance(value, str) else None
    return f"00-{match[1] or match[2]}" if match else ""


def _state(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_STATE:
        return ""
    members = [member for one in value.split(",") if (member := one.strip(" \t"))]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match[1] for match in matches if match}
    whole = len(keys) == len(members) <= _MOST_MEMBERS
    return ",".join(members) if whole else ""
