"""The text of an HTML mail, for readers that show no HTML (R2).

One pass over the markup in time proportional to its length, whatever it contains.
"""

import re
from html import unescape

_PIECE = re.compile(r"<!--|<[^<>]*>|[^<]+|<")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^>]*>")
_LINK = re.compile(r"""\bhref\s*=\s*["']?((?:https?|mailto):[^\s"'>]+)""", re.I)
_SPACES = re.compile(r"[ \t\r\n\f]+")  # not the no-break spaces of amounts
_BLANK_LINES = re.compile(r"\n{3,}")

_COMMENT = "<!--"
_HIDDEN = frozenset({"script", "style", "template", "title"})
_LINE = frozenset({"br", "div", "dd", "dt", "li", "tr"})
_PARAGRAPH = frozenset(
    {"article", "blockquote", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"}
    | {"ol", "p", "pre", "section", "table", "ul"}
)


def text_of(html: str) -> str:
    """The text of *html*: paragraphs, list items, links with their address; no markup."""
    reader = _Reader()
    for piece in _PIECE.findall(html):
        reader.read(piece)
    lines = (_SPACES.sub(" ", line).strip(" ") for line in "".join(reader.written).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


class _Reader:
    def __init__(self) -> None:
        self.written: list[str] = []
        self._hidden_by = ""  # the element or comment that is open and whose content is not shown
        self._links: list[str] = []

    def read(self, piece: str) -> None:
        if _COMMENT in (self._hidden_by, piece):
            _, ended, piece = piece.partition("-->")
            self._hidden_by = "" if ended else _COMMENT
        tag = _TAG.fullmatch(piece)
        if tag is None:
            self._write(piece)
        elif tag[1]:
            self._close(tag[2].lower())
        else:
            self._open(tag[2].lower(), piece)

    def _write(self, piece: str) -> None:
        if not self._hidden_by and not piece.startswith(("<!", "<?")):
            self.written.append(_SPACES.sub(" ", unescape(piece)))

    def _open(self, name: str, tag: str) -> None:
        if self._hidden_by:
            return
        if name in _HIDDEN:
            self._hidden_by = name
        elif name == "a":
            link = _LINK.search(tag)
            self._links.append(unescape(link[1]) if link else "")
        self._break(name)
        if name == "li":
            self.written.append("- ")

    def _close(self, name: str) -> None:
        if name == self._hidden_by:
            self._hidden_by = ""
        if self._hidden_by:
            return
        if name == "a" and self._links:
            link = self._links.pop()
            if link and link not in self.written[-1:]:
                self.written.append(f" ({link})")
        self._break(name)

    def _break(self, name: str) -> None:
        if name in _PARAGRAPH:
            self.written.append("\n\n")
        elif name in _LINE:
            self.written.append("\n")
