"""Columns by which a row is searched or sorted, made of other columns of it (C10), written by the kernel.

A table class declares them, and its service never writes them:

    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")

Every insert and every change of a row writes them in the same statement. `searches.py` searches
them, `migrations/filling.py` fills them in rows that are older than the column.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any, Final

from sqlalchemy import Column, Integer, LargeBinary, Text
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.selectable import FromClause
from sqlalchemy.sql.visitors import iterate

from db_utils.texts import text_key, whole_key

# Bytes. An entry of a B-tree has at most 2,704 (PostgreSQL, nbtree); two text keys fit beside it.
_LONGEST: Final = 1450


class Key(Text):
    """A column with the text key of the column *of*, compared byte by byte in every database.

    Empty where *of* is NULL.
    """

    cache_ok = True

    def __init__(self, of: str) -> None:
        super().__init__(collation="C")
        self.of = of

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns that it is made of."""
        return (self.of,)

    def value(self, row: Mapping[str, Any]) -> str:
        """The text key for *row*, which is given by column."""
        return text_key(row[self.of] or "")


class Rank(Integer):
    """A column with the place of the choice *of* among its *values*, by which lists are sorted."""

    cache_ok = True

    def __init__(self, of: str, values: Sequence[str]) -> None:
        super().__init__()
        self.of, self.values = of, tuple(values)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns that it is made of."""
        return (self.of,)

    def value(self, row: Mapping[str, Any]) -> int:
        """The place of the choice of *row*, which is given by column."""
        return self.values.index(row[self.of])


class Searched(LargeBinary):
    """A column with everything that a search looks through in a row, so that a word costs one LIKE.

    *texts* are found without accents, ligatures and case, *codes* (emails, numbers of companies)
    without case, *numbers* (phones: "+" and digits) also by their digits. The column holds these
    parts with a line feed between them: numbers, codes, texts. They are bytes, because PostgreSQL
    compares bytes in two thirds of the time of a text (measured). It ends where no index could hold
    more, unless it is *whole*: for long texts, in a column that is in no index.
    """

    cache_ok = True

    def __init__(
        self,
        texts: Iterable[str] = (),
        codes: Iterable[str] = (),
        numbers: Iterable[str] = (),
        *,
        whole: bool = False,
    ) -> None:
        super().__init__()
        self.texts, self.codes, self.numbers = tuple(texts), tuple(codes), tuple(numbers)
        self.whole = whole

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns that it is made of."""
        return (*self.numbers, *self.codes, *self.texts)

    def value(self, row: Mapping[str, Any]) -> bytes:
        """What is searched in *row*, which is given by column."""
        numbers = "".join(map(" {} ".format, filter(None, map(row.__getitem__, self.numbers))))
        codes = " ".join(filter(None, map(row.__getitem__, self.codes))).lower().split()
        key = whole_key if self.whole else text_key
        texts = " ".join(map(key, filter(None, map(row.__getitem__, self.texts))))
        content = f"{numbers}\n{' '.join(codes)}\n{texts}".encode()
        return content if self.whole else content[:_LONGEST]


Keys = Mapping[str, Key | Rank | Searched]


def keys_of(table: FromClause) -> Keys:
    """The key columns of *table*, by name."""
    return {c.key: c.type for c in table.columns if isinstance(c.type, (Key, Rank, Searched))}


def key_of(table: FromClause, column: str) -> str:
    """The name of the column with the text key or rank of *column*; *column* when there is none."""
    keys = keys_of(table).items()
    return next((name for name, key in keys if isinstance(key, (Key, Rank)) and key.of == column), column)


def changed_keys(
    keys: Keys, row: Mapping[str, Any], changed: Collection[str]
) -> dict[str, str | int | bytes]:
    """New values for those of *keys* that depend on the columns *changed*, made from the changed *row*.

    Raises TypeError when *changed* holds a key column itself.
    """
    if own := keys.keys() & set(changed):
        raise TypeError(f"{sorted(own)} are written by the kernel, with their texts")
    return {
        name: key.value(row) for name, key in keys.items() if any(source in changed for source in key.sources)
    }


def check_statement(statement: ClauseElement) -> None:
    """Raise TypeError for a statement that would write a text without its keys, or a key without its text."""
    for part in iterate(statement):
        if isinstance(part, Insert) and keys_of(part.table):
            raise TypeError(f"insert rows of {part.table}: their keys are written with them")
        if isinstance(part, Update) and (parted := _parted(keys_of(part.table), _set_by(part))):
            raise TypeError(f"change texts of {part.table} by tx.update: {parted} are written with them")


def _parted(keys: Keys, changed: Set[str]) -> list[str]:
    """The *keys* that would no longer match: *changed* holds the key or one of its texts, but not both."""
    return sorted(name for name, key in keys.items() if (name in changed) == changed.isdisjoint(key.sources))


def _set_by(change: Update) -> Set[str]:
    return {column.key if isinstance(column, Column) else str(column) for column in change._values or ()}
