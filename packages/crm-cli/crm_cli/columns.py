"""Aligned columns for people, the same on a terminal and in a pipe."""

from collections.abc import Sequence

__all__ = [
    "aligned",
]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """*rows* with every column as wide as its longest text; the last one is left as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(lines)
