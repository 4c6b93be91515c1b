"""Columns that hold the key of other columns of their row (C10): the kernel writes them.

A table class names them and nothing else:

    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")

Every insert and every change of a row writes them in its own statement. How they are searched
is told by `searches.py`, how rows that were there before get theirs by `filling.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from typing import Any, Final

from sqlalchemy import Column, LargeBinary, Text
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.selectable import FromClause
from sqlalchemy.sql.visitors import iterate

from db_utils.texts import text_key

# Bytes. An entry of a B-tree has 2,704 at most (PostgreSQL, nbtree): room for two keys beside it.
_LONGEST: Final = 1450


class Key(Text):
    """The key of the text column *of*, compared byte by byte, whatever the database's collation."""

    cache_ok = True

    def __init__(self, of: str) -> None:
        super().__init__(collation="C")
        self.of = of

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return (self.of,)

    def value(self, row: Mapping[str, Any]) -> str:
        """What it holds in *row*."""
        return text_key(row[self.of] or "")


class Searched(LargeBinary):
    """All that a search looks through in a row, in one text: one comparison for each word.

    *texts* are found without accents, ligatures and case, *codes* (emails, numbers of companies)
    without case, *numbers* (phones: "+" and digits) also by digits. The three parts stand behind
    each other, divided by a line feed: numbers, codes, texts. They are bytes, which PostgreSQL
    compares in two thirds of the time of a text.
    """

    cache_ok = True

    def __init__(
        self, texts: Iterable[str] = (), codes: Iterable[str] = (), numbers: Iterable[str] = ()
    ) -> None:
        super().__init__()
        self.texts, self.codes, self.numbers = tuple(texts), tuple(codes), tuple(numbers)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return (*self.numbers, *self.codes, *self.texts)

    def value(self, row: Mapping[str, Any]) -> bytes:
        """What it holds in *row*."""
        numbers = "".join(map(" {} ".format, filter(None, map(row.__getitem__, self.numbers))))
        codes = " ".join(filter(None, map(row.__getitem__, self.codes))).lower().split()
        texts = " ".join(map(text_key, filter(None, map(row.__getitem__, self.texts))))
        return f"{numbers}\n{' '.join(codes)}\n{texts}".encode()[:_LONGEST]


Keys = Mapping[str, Key | Searched]


def keys_of(table: FromClause) -> Keys:
    """The columns of *table* that the kernel writes, by name."""
    return {c.key: c.type for c in table.columns if isinstance(c.type, (Key, Searched))}


def key_of(table: FromClause, column: str) -> str:
    """The column that holds the key of *column*; itself when there is none."""
    keys = keys_of(table).items()
    return next((name for name, key in keys if isinstance(key, Key) and key.of == column), column)


def changed_keys(keys: Keys, row: Mapping[str, Any], changed: Collection[str]) -> dict[str, str | bytes]:
    """Those of *keys* that change with the columns *changed*, as they are in *row* afterwards."""
    if own := keys.keys() & set(changed):
        raise TypeError(f"{sorted(own)} are written by the kernel, with their texts")
    return {
        name: key.value(row) for name, key in keys.items() if any(source in changed for source in key.sources)
    }


def check_statement(statement: ClauseElement) -> None:
    """Refuse a statement of a service that would write a text without its keys, or a key without its text."""
    for part in iterate(statement):
        if isinstance(part, Insert) and keys_of(part.table):
            raise TypeError(f"insert rows of {part.table}: their keys are written with them")
        if isinstance(part, Update) and (parted := _parted(keys_of(part.table), _set_by(part))):
            raise TypeError(f"change texts of {part.table} by tx.update: {parted} are written with them")


def _parted(keys: Keys, changed: Set[str]) -> list[str]:
    """Those of *keys* that *changed* holds without any of their texts, or not, though one of these."""
    return sorted(name for name, key in keys.items() if (name in changed) == changed.isdisjoint(key.sources))


def _set_by(change: Update) -> Set[str]:
    return {column.key if isinstance(column, Column) else str(column) for column in change._values or ()}
