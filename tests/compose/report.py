"""What a person reads while the check runs: one line per thing that was seen, and its time."""

import time
from dataclasses import dataclass, field

__all__ = ["CheckFailed", "Report"]


class CheckFailed(Exception):
    """Something is not as it should be; the message says what, and what was seen instead."""


@dataclass
class Report:
    """Prints progress; *deadline* is the instant (monotonic) at which the whole check has to end."""

    deadline: float
    _began: float = field(default_factory=time.monotonic)
    seen: int = 0
    remarks: list[str] = field(default_factory=list)

    def doing(self, what: str) -> None:
        """Say what is done now, because it takes a while."""
        self._print(f"… {what}")

    def holds(self, what: str) -> None:
        """Say what was seen to be as it should."""
        self.seen += 1
        self._print(f"✓ {what}")

    def remark(self, what: str) -> None:
        """Say what the reader has to know to judge the result; it is repeated at the end."""
        self.remarks.append(what)
        self._print(f"! {what}")

    def left(self, most: float) -> float:
        """Seconds that a command may take: *most*, less near the end. Raises CheckFailed at the end."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise CheckFailed("the time is over (--minutes)")
        return min(most, left)

    def verdict(self, failure: str = "") -> None:
        """The last lines: the remarks again, and whether all is well."""
        print(*(f"  note: {remark}" for remark in self.remarks), sep="\n")
        took = f"{self.seen} checks in {time.monotonic() - self._began:.0f} s"
        print(
            f"compose-check: FAILED after {took}: {failure}"
            if failure
            else f"compose-check: all is well, {took}"
        )

    def _print(self, line: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  {line}", flush=True)
