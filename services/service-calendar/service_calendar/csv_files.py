"""CSV files as lines of cells (R23). What the cells mean is decided in `csv_lines.py`."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grpc_utils.errors import FormatInvalide, InvalidArgument, TropDEntrees, TropLong

MOST_LINES: Final = 10_000
LONGEST_FILE: Final = 2 * 1024 * 1024  # bytes
HEADER_LINE: Final = 1

_CHAMP = "content"
_LONGEST_VALUE = 40  # characters that an error repeats: 10,000 errors fit into an answer


class ColonneManquante(InvalidArgument):
    """Cette colonne manque dans l'en-tête."""


class ColonneInconnue(InvalidArgument):
    """Cette colonne n'est pas attendue, ou elle l'est une seule fois."""


class NombreDeColonnes(InvalidArgument):
    """La ligne n'a pas autant de cellules que l'en-tête."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number, the header being 1, and its cells by column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, in the words of the refusal that a call would get."""

    line: int
    column: str
    value: str
    refusal: InvalidArgument

    @property
    def shown(self) -> str:
        """The value, shortened."""
        return self.value[:_LONGEST_VALUE]


def read(content: bytes, columns: Sequence[str]) -> tuple[list[Line], list[Fault]]:
    """The lines of a file that should have these *columns*, in any order, and what is wrong with them.

    Raises TropLong, TropDEntrees, FormatInvalide for what is no such file at all.
    """
    if len(content) > LONGEST_FILE:
        raise TropLong(champ=_CHAMP)
    records = _records(_text(content))
    _, header = next(records, (HEADER_LINE, []))
    names = [name.strip().lower() for name in header]
    faults = list(_faults(names, columns))
    if faults:
        return [], faults
    return _lines(records, names)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormatInvalide(champ=_CHAMP) from None


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a file that are not blank, each with the number of its first line."""
    header = text.partition("\n")[0]
    separator = ";" if header.count(";") >= header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = 0
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                yield before + 1, record
            before = reader.line_num
    except csv.Error:
        raise FormatInvalide(champ=_CHAMP, ligne=str(before + 1)) from None


def _faults(names: Sequence[str], columns: Sequence[str]) -> Iterator[Fault]:
    for column in columns:
        if column not in names:
            yield Fault(HEADER_LINE, column, "", ColonneManquante())
    for name in names:
        if name not in columns or names.count(name) > 1:
            yield Fault(HEADER_LINE, name, name, ColonneInconnue())


def _lines(records: Iterator[tuple[int, list[str]]], names: Sequence[str]) -> tuple[list[Line], list[Fault]]:
    lines, faults = list[Line](), list[Fault]()
    for number, record in records:
        if len(lines) + len(faults) == MOST_LINES:
            raise TropDEntrees(champ=_CHAMP, maximum=str(MOST_LINES))
        if len(record) != len(names):
            faults.append(Fault(number, "", str(len(record)), NombreDeColonnes()))
        else:
            lines.append(Line(number, dict(zip(names, record, strict=True))))
    return lines, faults
