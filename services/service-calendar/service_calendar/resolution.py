"""Which configuration applies to a contract, a client and a société (R1, R2, R4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from typing import Any, Final

from service_calendar.legal import FRANCE
from service_calendar.models import (
    CLIENT,
    CONTRAT,
    FIXED_DAY,
    NEXT_BUSINESS_DAY,
    SOCIETE,
    SYSTEM,
    DebitConfiguration,
)

INHERITED: Final = ("shift_strategy", "zone_code", "cutoff_time", "lead_days")
_ATTRIBUTES = {"cutoff_time": "cutoff"}

DEFAULT: Final = DebitConfiguration(
    organisation_id="",
    niveau=SYSTEM,
    mode=FIXED_DAY,
    fixed_day=5,
    shift_strategy=NEXT_BUSINESS_DAY,
    zone_code=FRANCE,
    cutoff=time(14),
    lead_days=2,
)
"""What applies where an organisation has saved nothing (R2)."""


@dataclass(frozen=True, slots=True)
class References:
    """What a configuration is looked for; each id may be empty."""

    contrat_id: str = ""
    client_id: str = ""
    societe_id: str = ""

    def levels(self) -> Iterator[tuple[str, str]]:
        """The levels and ids that count, the first one deciding (R1)."""
        named = ((CONTRAT, self.contrat_id), (CLIENT, self.client_id), (SOCIETE, self.societe_id))
        yield from ((niveau, reference) for niveau, reference in named if reference)
        yield SYSTEM, ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration without gaps; *herite* are the fields that come from a lower level."""

    niveau: str
    config_id: str
    mode: str
    batch: str
    fixed_day: int
    shift_strategy: str
    zone_code: str
    cutoff: time
    lead_days: int
    herite: tuple[str, ...]


class Configurations:
    """The saved configurations that may apply to some questions."""

    def __init__(self, rows: Iterable[DebitConfiguration]) -> None:
        self._rows = {(row.niveau, row.reference_id): row for row in rows}
        self._resolved: dict[References, Resolved] = {}

    def resolve(self, references: References) -> Resolved:
        """What applies to *references*; there is always something (R2)."""
        known = self._resolved.get(references)
        if known is None:
            found = (self._rows.get(level) for level in references.levels())
            known = self._resolved[references] = _filled([*filter(None, found), DEFAULT])
        return known


def _filled(rows: list[DebitConfiguration]) -> Resolved:
    """The first of *rows*, with the gaps filled by the next ones that have something there (R1)."""
    first = rows[0]
    sources = {field: next(row for row in rows if _value(row, field) is not None) for field in INHERITED}
    return Resolved(
        niveau=first.niveau,
        config_id="" if first is DEFAULT else str(first.id),
        mode=first.mode,
        batch=first.batch or "",
        fixed_day=first.fixed_day or 0,
        herite=tuple(field for field, row in sources.items() if row.niveau != first.niveau),
        **{_ATTRIBUTES.get(field, field): _value(row, field) for field, row in sources.items()},
    )


def _value(row: DebitConfiguration, field: str) -> Any:
    return getattr(row, _ATTRIBUTES.get(field, field))
