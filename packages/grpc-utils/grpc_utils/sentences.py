"""Sentences of refusals, for the caller who reads them: what is wrong, where, within which bounds (C7)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final

_TOLD: Final[Mapping[str, str]] = {
    "champ": "champ",
    "entree": "entrée",
    "minimum": "minimum",
    "maximum": "maximum",
    "de": "de",
    "vers": "vers",
    "champs": "champs",
    "statut": "statut",
    "contrainte": "contrainte",
}
"""Metadata that the sentence tells too, in this order."""
_MOST_TOLD = 30  # permitted values: more of them are a reference list, and no sentence


def sentence(plain: str, metadata: Mapping[str, str], hints: Sequence[str]) -> str:
    """The sentence *plain* on one line, with the *metadata* that people read and *hints* at its end."""
    line = " ".join(plain.split())
    told = [f"{word} : {metadata[key]}" for key, word in _TOLD.items() if key in metadata]
    if not (told or hints):
        return line
    end = "." if line.endswith(".") else ""
    return f"{line.removesuffix('.')} ({' ; '.join((*told, *hints))}){end}"


def permitted(values: Collection[str]) -> tuple[str, ...]:
    """The hint that tells a closed list; none when it is unknown or too long to be read."""
    return (f"admis : {', '.join(values)}",) if 0 < len(values) <= _MOST_TOLD else ()


def within(least: object, most: object) -> str:
    """The hint that tells the bounds of a value; days are written dd/mm/yyyy (C3)."""
    return f"de {_written(least)} à {_written(most)}"


def _written(bound: object) -> str:
    return f"{bound.day:02}/{bound.month:02}/{bound.year:04}" if isinstance(bound, date) else str(bound)
