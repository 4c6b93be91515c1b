"""Searches as LIKE patterns (C8): words in any order, each anywhere in the searched columns.

A search is a list of terms that must all be found; a term is a list of alternatives, of which
one must match; an alternative is a list of patterns that must all match. `keys.py` says what the
searched column holds.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, LargeBinary, String, and_, bindparam, or_

from db_utils.keys import Key, Searched
from db_utils.texts import text_key

# A function from a text to the forms in which its phone number is stored, the one with its country
# code first; to no form for a text that is only a part of a number.
Number = Callable[[str], Sequence[str]]
Term = list[list[str]]
Shape = tuple[tuple[int, ...], ...]  # how many patterns each alternative of each term has

_DIGITS_AND_SIGNS: Final = re.compile(r"[0-9.+]+")
_ASCII: Final = re.compile(r"[\x21-\x7e]+")
_SIGNS: Final = str.maketrans("", "", ".+")


@dataclass(frozen=True, slots=True)
class Search:
    """The terms of a search: *shape* decides the statement, *patterns* are the values of its parameters."""

    shape: Shape
    patterns: tuple[str | bytes, ...]

    @classmethod
    def of(cls, text: str, column: Key | Searched, number: Number | None) -> "Search":
        """The search for *text* in *column*; *number* gives the stored forms of a whole phone number."""
        terms = list(_terms(text, column, number))
        shape = tuple(tuple(len(alternative) for alternative in term) for term in terms)
        patterns = (pattern for term in terms for alternative in term for pattern in alternative)
        return cls(shape, tuple(one.encode() if isinstance(column, Searched) else one for one in patterns))

    def named(self) -> dict[str, str | bytes]:
        """The values of the parameters of `criteria`."""
        return {f"_pattern{position}": pattern for position, pattern in enumerate(self.patterns)}


def criteria(shape: Shape, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """One criterion on *column* for each term of a search with this *shape*."""
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
    """A word in the texts, by its text key, or in the codes, in lower case; empty when the key is empty."""
    keys, code = text_key(word).split(), word.lower()
    if isinstance(column, Key) or keys == [code]:
        return [[_within(key) for key in keys]]
    return [[f"%\n%\n{_within(key)}" for key in keys], [f"%\n{_within(code)}\n%"]] if keys else []


def _part_of(word: str, column: Key | Searched) -> Term:
    """The longest ASCII part that both forms of a word share, as a term of its own before `_word`.

    One LIKE, which most rows fail, is cheaper than the two of the word.
    """
    key, code = text_key(word), word.lower()
    if isinstance(column, Key) or key == code:
        return []
    part = max(_ASCII.findall(code), key=len, default="")
    return [[_within(part)]] if part and part in key else []


def _run(words: list[str], number: Number | None) -> Term:
    """Neighbouring words of digits, dots and "+", in one of three ways.

    Each word is found as it is, or all digits together within a phone number, or the phone number
    in a form in which it is stored.
    """
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
