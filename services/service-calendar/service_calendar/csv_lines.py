"""Cells of CSV files as requests, so that a file is held to the same rules as a call (R23).

Each kind of file is a value of `Kind`: its columns, the row that a line stands for, and what of it
replaces a row that is there.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from crm.calendar import calendar_pb2 as pb
from db_utils import Row
from grpc_utils import clean_text
from grpc_utils.errors import FormatInvalide, InvalidArgument

from service_calendar import rules
from service_calendar.csv_files import Fault, Line
from service_calendar.models import DEBIT_CONFIG, HOLIDAYS, DebitConfiguration, Holiday

_FRENCH_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_WHOLE = re.compile(r"[0-9]{1,9}")
_YES, _NO = ("true", "oui", "1", "vrai"), ("", "false", "non", "0", "faux")


class LigneRepetee(InvalidArgument):
    """Une ligne précédente du fichier dit déjà la même chose."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: *key* tells rows apart, *content* are the columns that a line replaces."""

    model: type[Row]
    columns: tuple[str, ...]
    key: tuple[str, ...]
    content: tuple[str, ...]
    row: Callable[[str, Mapping[str, str]], Any]

    def key_of(self, row: Any) -> tuple[object, ...]:
        """What tells *row* apart within its organisation."""
        return tuple(getattr(row, name) for name in self.key)

    def content_of(self, row: Any) -> dict[str, Any]:
        """What a line says of *row*."""
        return {name: getattr(row, name) for name in self.content}


def _configuration(organisation_id: str, cells: Mapping[str, str]) -> DebitConfiguration:
    said: dict[str, Any] = {**cells, "fixed_day": _number(cells["fixed_day"], "fixed_day")}
    return rules.new_configuration(pb.SaveDebitConfigurationRequest(organisation_id=organisation_id, **said))


def _holiday(organisation_id: str, cells: Mapping[str, str]) -> Holiday:
    said: dict[str, Any] = {
        **cells,
        "date": _FRENCH_DAY.sub(r"\3-\2-\1", cells["date"]),
        "recurrent": _flag(cells["recurrent"], "recurrent"),
    }
    return rules.new_holiday(pb.CreateHolidayRequest(organisation_id=organisation_id, **said))


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        DEBIT_CONFIG: Kind(
            DebitConfiguration,
            ("niveau", "reference_id", "mode", "batch", "fixed_day", "shift_strategy", "zone_code"),
            key=("niveau", "reference_id"),
            content=("mode", "batch", "fixed_day", "shift_strategy", "zone_code"),
            row=_configuration,
        ),
        HOLIDAYS: Kind(
            Holiday,
            ("zone_code", "date", "nom", "type", "recurrent"),
            key=("zone_code", "date"),
            content=("nom", "type", "recurrent"),
            row=_holiday,
        ),
    }
)


def rows_of(kind: Kind, organisation_id: str, lines: Iterable[Line]) -> tuple[dict[int, Any], list[Fault]]:
    """The rows of *lines* by the number of the line, and what is wrong with other lines.

    A line is told its first fault. Whether its zone exists is asked by `unknown_zones`.
    """
    rows, faults, seen = dict[int, Any](), list[Fault](), set[tuple[object, ...]]()
    for line in lines:
        try:
            row = kind.row(organisation_id, _clean(line.cells))
            if kind.key_of(row) in seen:
                raise LigneRepetee(champ=kind.key[-1])
        except InvalidArgument as refusal:
            column = refusal.metadata.get("champ", "")
            faults.append(Fault(line.number, column, line.cells.get(column, ""), refusal))
        else:
            seen.add(kind.key_of(row))
            rows[line.number] = row
    return rows, faults


def unknown_zones(rows: Mapping[int, Any], zones: Collection[str]) -> list[Fault]:
    """What is wrong with rows whose zone is not one of *zones*, the codes that exist."""
    return [
        Fault(number, "zone_code", row.zone_code, rules.HolidayZoneNotFound())
        for number, row in rows.items()
        if row.zone_code and row.zone_code not in zones
    ]


def _clean(cells: Mapping[str, str]) -> dict[str, str]:
    """The cells as a request would have them (C10)."""
    return {name: clean_text(cell, name) for name, cell in cells.items()}


def _number(cell: str, champ: str) -> int:
    if cell and not _WHOLE.fullmatch(cell):
        raise FormatInvalide(champ=champ)
    return int(cell or 0)


def _flag(cell: str, champ: str) -> bool:
    said = cell.lower()
    if said not in _YES + _NO:
        raise FormatInvalide(champ=champ)
    return said in _YES
