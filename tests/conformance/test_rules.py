"""Numbered rules: what is cited exists, and what exists is proved by a test that names it.

An R with a number is a rule of the service in whose folder it stands, or of the service named right before
it (`users R28`); C and I are in docs/rules.md, G in the gateway's folder, S in user-sync's.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {
    folder.name.removeprefix("service-"): folder for folder in sorted(ROOT.glob("services/service-*"))
}
SERVICES["registre"] = ROOT / "scripts/templates/service"  # of which ./scripts/new-service makes others
SHARED = {
    "C": ROOT / "docs",
    "I": ROOT / "docs",
    "G": ROOT / "services/gateway",
    "S": ROOT / "packages/user-sync",
}
EXAMPLES = ROOT / "docs/contributing.md"  # shows citations as they stand in a service's folder
READ = (".py", ".md", ".proto", ".yaml", ".yml", ".toml", ".sh")
NUMBERED = re.compile(r"^### ([A-Z])(\d+)\. ", re.MULTILINE)
CITED = re.compile(r"(?:\b([a-z]+)(?:'s)? )?(?:rules? )?\b([RCGSI])(\d{1,2})\b(?!\.\d)")
UNITS = ("C62",)  # "one" in Recommendation 20 of UN/ECE, which invoices write
NAMED = re.compile(r"^test_([RCGSI])(\d{1,2})_")


@cache
def rules_of(folder: Path) -> set[str]:
    """The numbers on the rule page of *folder*, a letter and a number each; none without a page."""
    page = folder / ("rules.md" if folder.name == "docs" else "RULES.md")
    return set(map(_number, NUMBERED.findall(page.read_text()))) if page.exists() else set()


def _number(found: tuple[str, str]) -> str:
    letter, number = found
    return f"{letter}{int(number)}"


def files() -> Iterator[Path]:
    """Everything in the repository that people write and that may cite a rule."""
    for top in ("packages", "services", "proto", "compose", "scripts", "tests", "docs"):
        for path in sorted((ROOT / top).rglob("*")):
            generated = {"contracts", "__pycache__"} & set(path.parts)
            if path.suffix in READ and not generated and path != EXAMPLES:
                yield path
    yield ROOT / "README.md"


def place_of(path: Path, letter: str, before: str) -> Path | None:
    """The folder whose page has the rules of *letter* that *path* cites after the word *before*."""
    if letter != "R":
        return SHARED[letter]
    if before in SERVICES:
        return SERVICES[before]
    return next((folder for folder in SERVICES.values() if folder in path.parents), None)


def cited(path: Path) -> Iterator[tuple[Path | None, str]]:
    """The rules that *path* cites, each with its place."""
    for match in CITED.finditer(path.read_text()):
        named, letter, number = match.groups()
        if letter + number in UNITS:
            continue
        yield place_of(path, letter, named or ""), _number((letter, number))


def test_every_rule_that_is_cited_exists() -> None:
    """At its own place; a service's rule cited elsewhere has the service's name before it."""
    lost = [
        f"{path.relative_to(ROOT)}: {rule}"
        for path in files()
        for place, rule in cited(path)
        if place is None or rule not in rules_of(place)
    ]
    assert lost == []


def _tests_of(folder: Path) -> Iterator[str]:
    for path in folder.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name


PLACES = [*SERVICES.values(), ROOT / "services/gateway", ROOT / "packages/user-sync", ROOT / "docs"]


@pytest.mark.parametrize("folder", PLACES, ids=lambda folder: folder.name)
def test_every_rule_is_named_by_a_test(folder: Path) -> None:
    """Rules of a service by its own tests, the shared ones by any."""
    where = ROOT if folder.name == "docs" else folder
    named = {_number((match[1], match[2])) for name in _tests_of(where) if (match := NAMED.match(name))}
    assert rules_of(folder) - named == set()
    assert rules_of(folder)
