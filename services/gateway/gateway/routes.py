"""Search of the row in the table of policies that the path of a request stands for.

The parts of a path are separated as they were sent and decoded afterwards: an encoded slash
belongs to its part. A parameter is left encoded, for its endpoint to decode once.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from gateway.exchange import Scope
from gateway.policies import POLICIES

_Template = tuple[str, ...]


def route_of(scope: Scope) -> tuple[str, str]:
    """The row of a request ("" for none), and the path that endpoints are matched with."""
    path = scope["path"]
    if path in POLICIES:
        return path, path
    sent = scope["raw_path"].decode("latin-1").split("/")
    for template in _TEMPLATES.get(len(sent), ()):
        if all(map(_fits, template, sent)):
            matched = (
                part if _varies(wanted) else wanted for wanted, part in zip(template, sent, strict=True)
            )
            return "/".join(template), "/".join(matched)
    return "", path


def read(part: str) -> str:
    """Decoded text of *part* of such a path (G15).

    Raises ValueError for control characters and for bytes that are not UTF-8.
    """
    text = unquote(part, errors="strict")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("control characters")
    return text


def _varies(wanted: str) -> bool:
    return wanted.startswith("{")


def _fits(wanted: str, part: str) -> bool:
    return bool(part) if _varies(wanted) else unquote(part) == wanted


def _templates() -> Mapping[int, Sequence[_Template]]:
    """The paths with parameters by their number of parts; those with fewer parameters come first."""
    found: defaultdict[int, list[_Template]] = defaultdict(list)
    for path in sorted(POLICIES, key=lambda path: path.count("{")):
        if "{" in path:
            found[path.count("/") + 1].append(tuple(path.split("/")))
    return dict(found)


_TEMPLATES: Final = _templates()
