"""The window that a pop-up of a sign-in reports to: reads the page that closes it as a browser would."""

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

_POSTED = re.compile(r"window\.opener\.postMessage\(message, (\"[^\"]*\")\)")


@dataclass(frozen=True, slots=True)
class Posted:
    """What the page posts, to which origin, by a script of which nonce; *text* is what people read."""

    message: dict[str, Any]
    origin: str
    nonce: str
    text: str


def posted(page: str) -> Posted:
    """What *page* posts to its opener. Raises AssertionError when it has not exactly one script of ours."""
    found = _Scripts()
    found.feed(page)
    (data,) = [text for attributes, text in found.scripts if attributes.get("type") == "application/json"]
    ((attributes, script),) = [one for one in found.scripts if "type" not in one[0]]
    (origin,) = _POSTED.findall(script)
    return Posted(json.loads(data), json.loads(origin), attributes["nonce"] or "", " ".join(found.text))


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, text = self.scripts.pop()
            self.scripts.append((attributes, text + data))
        elif self._inside == "p":
            self.text.append(data)
