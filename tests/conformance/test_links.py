"""Links of the pages lead somewhere: relative ones to a file, with a heading if they name one."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def test_relative_links_of_the_pages_lead_to_what_is_there() -> None:
    """A page that has moved, and a heading that has another name, are found here."""
    dead = [
        f"{page.relative_to(ROOT)}: {link}" for page in pages() for link in links(page) if is_dead(page, link)
    ]
    assert dead == []


def pages() -> Iterator[Path]:
    """The Markdown files of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    yield from (ROOT / name for name in listed.split())


def links(page: Path) -> list[str]:
    """The targets of its links to other pages, without those of code."""
    targets = _LINK.findall(_CODE.sub("", page.read_text()))
    return [target for target in targets if "://" not in target and not target.startswith("mailto:")]


def is_dead(page: Path, link: str) -> bool:
    """Whether *link* leads nowhere from *page*."""
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return not target.exists() or (heading != "" and heading not in headings(target))


@cache
def headings(page: Path) -> set[str]:
    """The headings of *page* as links name them."""
    texts = _HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}
