"""Findings of checks: level, subject and remedy."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """Level of a finding; only FAIL makes the doctor end with exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor; *remedy* says what to do, and is empty when all is well."""

    level: Level
    subject: str
    fact: str
    remedy: str = ""


def ok(subject: str, fact: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, fact)


def warn(subject: str, fact: str, remedy: str) -> Finding:
    """Something to look after."""
    return Finding(Level.WARN, subject, fact, remedy)


def fail(subject: str, fact: str, remedy: str) -> Finding:
    """Something does not work."""
    return Finding(Level.FAIL, subject, fact, remedy)


def ago(seconds: float) -> str:
    """A duration as people say it: "5 s", "3 min", "2 h", "4 d"."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
