"""The result of a benchmark: a table for people, JSON for machines."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from crm_cli.columns import aligned

_BUSY = 0.25  # of the processors
Figure = float | int | str | None


@dataclass(slots=True)
class Report:
    """Rows of figures by column, and sentences that compare them.

    *columns* gives each figure's name and unit ("p50 ms"); a missing one is shown as "".
    """

    benchmark: str
    columns: Sequence[str]
    rows: list[Mapping[str, Figure]] = field(default_factory=list)
    comparisons: list[str] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, what: str, **figures: Figure) -> None:
        """A row about *what*, its figures by column name."""
        unknown = figures.keys() - set(self.columns)
        if unknown:
            raise LookupError(f"no columns {sorted(unknown)} in {self.benchmark}")
        self.rows.append({"what": what, **figures})

    def figure(self, what: str, column: str) -> float:
        """The number in *column* of the row about *what*."""
        (row,) = [row for row in self.rows if row["what"] == what]
        value = row[column]
        assert isinstance(value, (int, float))
        return value

    def text(self) -> str:
        """The table with the comparisons below."""
        header = ("what", *self.columns)
        table = aligned([header, *([_shown(row.get(name)) for name in header] for row in self.rows)])
        notes = list(self.comparisons)
        if self.load_before > _BUSY * (os.cpu_count() or 1):
            notes.append(
                f"this machine was busy before (load {self.load_before:.1f} on {os.cpu_count()} CPUs): "
                "compare figures of this run with each other only"
            )
        return "\n".join([table, "", *notes]).rstrip()

    def write(self, path: Path) -> None:
        """Write everything as JSON, with the machine it was measured on."""
        content = {
            "benchmark": self.benchmark,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cpus": os.cpu_count(),
                "load_before": round(self.load_before, 2),
                "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
                "system": platform.platform(),
                "python": platform.python_version(),
            },
            "rows": self.rows,
            "comparisons": self.comparisons,
        }
        path.write_text(json.dumps(content, indent=1) + "\n")


def _shown(figure: Figure) -> str:
    if figure is None:
        return ""
    if isinstance(figure, float):
        return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
    return f"{figure:,}" if isinstance(figure, int) else figure
