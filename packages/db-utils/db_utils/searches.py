"""What is searched for, as patterns of LIKE (C8): words in any order, each anywhere in the row.

A search is a list of terms that must all be found; a term is a list of alternatives; an
alternative is a list of patterns that must all match. Read `keys.py` for what they match.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, LargeBinary, String, and_, bindparam, or_

from db_utils.keys import Key, Searched
from db_utils.texts import text_key

# The forms in which a whole number is stored, the one with its country code first; none for a part of one.
Number = Callable[[str], Sequence[str]]
Term = list[list[str]]
Shape = tuple[tuple[int, ...], ...]  # how many patterns each alternative of each term has

_DIGITS_AND_SIGNS: Final = re.compile(r"[0-9.+]+")
_ASCII: Final = re.compile(r"[\x21-\x7e]+")
_SIGNS: Final = str.maketrans("", "", ".+")


@dataclass(frozen=True, slots=True)
class Search:
    """Terms that a row must satisfy: their shape makes a statement, their patterns its values."""

    shape: Shape
    patterns: tuple[str | bytes, ...]

    @classmethod
    def of(cls, text: str, column: Key | Searched, number: Number | None) -> "Search":
        """The search for *text* in *column*; *number* reads a run of digits as a whole number."""
        terms = list(_terms(text, column, number))
        shape = tuple(tuple(len(alternative) for alternative in term) for term in terms)
        patterns = (pattern for term in terms for alternative in term for pattern in alternative)
        return cls(shape, tuple(one.encode() if isinstance(column, Searched) else one for one in patterns))

    def named(self) -> dict[str, str | bytes]:
        """The values of the parameters of `criteria`."""
        return {f"_pattern{position}": pattern for position, pattern in enumerate(self.patterns)}


def criteria(shape: Shape, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """One criterion for each term of a search of this *shape* in *column*."""
    like = column.op("LIKE", is_comparison=True)
    kind = LargeBinary() if isinstance(column.type, Searched) else String()
    found, position = [], 0
    for term in shape:
        alternatives = []
        for count in term:
            names = [f"_pattern{number}" for number in range(position, position + count)]
            matches = [like(bindparam(name, type_=kind)) for name in names]
            alternatives.append(and_(*matches))
            position += count
        found.append(or_(*alternatives))
    return found


def _terms(text: str, column: Key | Searched, number: Number | None) -> Iterator[Term]:
    numbered = isinstance(column, Searched) and bool(column.numbers)
    for is_run, words in groupby(text.split(), lambda word: numbered and _is_run(word)):
        if is_run:
            yield _run(list(words), number)
            continue
        for word in words:
            yield from filter(any, (_part_of(word, column), _word(word, column)))


def _is_run(word: str) -> bool:
    return _DIGITS_AND_SIGNS.fullmatch(word) is not None


def _word(word: str, column: Key | Searched) -> Term:
    """A word in the texts by its key, or in the codes as it is; empty when its key leaves nothing."""
    keys, code = text_key(word).split(), word.lower()
    if isinstance(column, Key) or keys == [code]:
        return [[_within(key) for key in keys]]
    return [[f"%\n%\n{_within(key)}" for key in keys], [f"%\n{_within(code)}\n%"]] if keys else []


def _part_of(word: str, column: Key | Searched) -> Term:
    """What a word that is looked for in two forms has in both: most rows fail at it, and are done with."""
    key, code = text_key(word), word.lower()
    if isinstance(column, Key) or key == code:
        return []
    part = max(_ASCII.findall(code), key=len, default="")
    return [[_within(part)]] if part and part in key else []


def _run(words: list[str], number: Number | None) -> Term:
    """Neighbouring words of digits, dots and "+": each of them, or all digits in a number, or that number."""
    digits = "".join(words).translate(_SIGNS)
    term = [[_within(word) for word in words]]
    if digits and words != [digits]:
        term.append([f"{_within(digits)}\n%\n%"])
    forms = number(" ".join(words)) if number is not None else ()
    if forms and not any(digits in form for form in forms):
        term.append([f"%{_escaped(forms[0])} %"])
    return term


def _within(part: str) -> str:
    return f"%{_escaped(part)}%"


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
