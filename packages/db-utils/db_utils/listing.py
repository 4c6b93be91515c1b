"""Lists in keyset pages (C8): the thousandth page costs as much as the first one.

A service declares each list once, as a `Listing` with its filters, sorts and searched column.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Numeric,
    Select,
    Uuid,
    bindparam,
    func,
    literal_column,
    null,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from db_utils import context
from db_utils.errors import (
    InvalidPageToken,
    TextTooLong,
    UnknownChoice,
    UnknownOrder,
    UnknownSort,
)
from db_utils.ids import parse_uuid
from db_utils.keys import Key, Searched, key_of
from db_utils.page_tokens import opened, sealed
from db_utils.pages import Page, PageRequest, page_size
from db_utils.reader import R, Reader
from db_utils.searches import Number, Search, Shape, criteria
from db_utils.statements import table_plan
from db_utils.tables import Choice

LONGEST_SEARCH = 100
_NO_ROW = UUID(int=0)  # the kernel gives it to none
_MOST_STATEMENTS = 512  # kept of one list, because searches have many shapes
# The places of rows without the instant or day of their sort: before all others, or (True) after them.
_FIRST, _LAST = (end.replace(tzinfo=UTC) for end in (datetime.min, datetime.max))
_PLACES: Mapping[tuple[type, bool], tuple[date, ColumnElement[Any]]] = {
    (datetime, False): (_FIRST, literal_column("'0001-01-01 00:00:00+00'::timestamptz")),
    (datetime, True): (_LAST, literal_column("'9999-12-31 23:59:59.999999+00'::timestamptz")),
    (date, False): (date.min, literal_column("'0001-01-01'::date")),
    (date, True): (date.max, literal_column("'9999-12-31'::date")),
}

Filter = Callable[[Any], ColumnElement[bool]]

_READ: Mapping[type, Callable[[Any], object]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
    str: str,
    int: int,
}


@dataclass(frozen=True, slots=True)
class _Sort:
    """The column that a list is sorted by: for a text with a text key, that of the key."""

    name: str
    descending: bool
    nulls_last: bool = False


class Listing(Generic[R]):
    """The list of the rows of *model*: its sorts, filters and searched column.

    *sorts*: columns, each with its default direction, as in "created_at desc". The first one is
    the default sort; ties are broken by id. A text with a `Key` is sorted by it, a choice with a
    `Rank` by that. The columns are NOT NULL, except instants and days: a row without one comes before
    all others, or after them ("jour nulls last"), and in the other direction the other way round. An
    index must contain `coalesce(<column>, '0001-01-01 00:00:00+00'::timestamptz)`, or '0001-01-01'::date,
    or for the last place '9999-12-31 23:59:59.999999+00'::timestamptz and '9999-12-31'::date.
    *filters*: names of columns for equality; or a mapping from names to functions that make a
    criterion of the bound value, None for equality with the column of that name. The id of a row may
    be a text: one that cannot be an id filters everything away.
    *search*: the `Searched` or `Key` column in which words are looked for.
    *number*: a function from a text to the forms in which its phone number is stored, the one with
    its country code first; to no form for a text that is only a part of a number.
    *without*: columns that are not read, such as bodies; the rows of a page have None there.
    """

    def __init__(
        self,
        model: type[R],
        *,
        sorts: Sequence[str],
        filters: Sequence[str] | Mapping[str, Filter | None] = (),
        search: InstrumentedAttribute[str] | InstrumentedAttribute[bytes] | None = None,
        number: Number | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._table = model.__table__
        self._sorts = {sort.partition(" ")[0]: self._parse_sort(sort) for sort in sorts}
        self._default = next(iter(self._sorts))
        for name in (sort.name for sort in self._sorts.values()):
            if self._table.columns[name].nullable and self._kind(name) not in (datetime, date):
                raise ValueError(f"{name} may be NULL: a keyset cannot continue after it")
            if self._kind(name) not in _READ:
                raise ValueError(f"{name} cannot be written into a page token")
        self._filters: dict[str, Filter | None] = (
            dict(filters) if isinstance(filters, Mapping) else dict.fromkeys(filters)
        )
        self.filters = frozenset(self._filters)  # names of the filters
        equal = (self._table.columns[name] for name, own in self._filters.items() if own is None)
        self._ids = frozenset(column.key for column in equal if isinstance(column.type, Uuid))
        self._search = None if search is None else self._table.columns[search.key]
        self._number, self._without = number, frozenset(without)
        self._statements: dict[tuple[Any, ...], tuple[Select[R], Select[int]]] = {}

    async def page(
        self,
        reader: Reader,
        request: PageRequest,
        *,
        search: str = "",
        current: Mapping[str, object] | None = None,
        **filters: object,
    ) -> Page[R]:
        """The page that *request* asks for, of the rows visible to *reader*; None and "" filter nothing.

        *current* are further parameters of the filters whose values differ from page to page, such
        as the instant of the call: a token of another value fits. The statement is built once for
        each combination of sort, filters and shape of search. Raises
        InvalidPageToken, InvalidPageSize, UnknownSort, UnknownOrder, UnknownChoice, TextTooLong.
        """
        size = page_size(request.size)
        sort = self._sort(request)
        active = {
            name: self._bound(name, value) for name, value in filters.items() if value not in (None, "")
        }
        self._check(active)
        wanted = self._wanted(search)
        question = sorted(active.items()) + ([("search", wanted)] if wanted.shape else [])
        asked = repr((self._model.__tablename__, sort, question, context.scope.get().organisation_id))
        after = self._position(request.token, sort, asked)
        rows_of, total_of = self._statement(tuple(sorted(active)), wanted.shape, sort, bool(after))
        active |= {**wanted.named(), **(current or {})}
        rows = self._whole(await reader.all(rows_of, **active, **after, _limit=size + 1))
        total = await reader.one(total_of, **active) if request.with_total else None
        token = self._token(rows[size - 1], sort, asked) if len(rows) > size else ""
        return Page(rows[:size], token, (total or 0) if request.with_total else None)

    def _parse_sort(self, sort: str) -> _Sort:
        name, _, rest = sort.partition(" ")
        return _Sort(key_of(self._table, name), rest.startswith("desc"), rest.endswith("nulls last"))

    def _sort(self, request: PageRequest) -> _Sort:
        chosen = self._sorts.get(request.sort_by or self._default)
        if chosen is None:
            raise UnknownSort(request.sort_by, tuple(self._sorts))
        direction = request.sort_order.lower()
        if direction not in ("", "asc", "desc"):
            raise UnknownOrder(request.sort_order, ("asc", "desc"))
        return replace(chosen, descending=direction == "desc") if direction else chosen

    def _wanted(self, search: str) -> Search:
        if not search:
            return Search((), ())
        if len(search) > LONGEST_SEARCH:
            raise TextTooLong("search", LONGEST_SEARCH)
        if self._search is None or not isinstance(self._search.type, (Key, Searched)):
            raise TypeError(f"{self._model.__name__} is not searched")
        return Search.of(search, self._search.type, self._number)

    def _bound(self, name: str, value: object) -> object:
        """*value* as the column of its filter takes it; a text that is no id is that of no row (C2)."""
        return (parse_uuid(value) or _NO_ROW) if name in self._ids and isinstance(value, str) else value

    def _check(self, active: Mapping[str, object]) -> None:
        for name, value in active.items():
            if name not in self._filters:
                raise TypeError(f"{self._model.__name__} has no filter {name!r}")
            if self._filters[name] is None:
                kind = self._table.columns[name].type
                if isinstance(kind, Choice) and value not in kind.values:
                    raise UnknownChoice(name, kind.values)

    def _statement(
        self, active: tuple[str, ...], shape: Shape, sort: _Sort, after: bool
    ) -> tuple[Select[R], Select[int]]:
        key = (active, shape, sort, after)
        if key not in self._statements:
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            kept = [self._criterion(name) for name in active]
            if self._search is not None:
                kept += criteria(shape, self._search)
            total = select(func.count()).select_from(self._model).where(*kept)
            self._statements[key] = self._ordered(kept, sort, after, searched=bool(shape)), total
        return self._statements[key]

    def _ordered(
        self, kept: Sequence[ColumnElement[bool]], sort: _Sort, after: bool, *, searched: bool
    ) -> Select[R]:
        """The SELECT of a page. A search selects ids first, so that an index alone can answer it."""
        columns = self._table.columns
        place = (self._sorted(sort), columns["id"])
        order = [column.desc() if sort.descending else column for column in place]
        rows = (select(columns["id"]) if searched else self._selected()).where(*kept)
        if after:
            bound = tuple_(
                bindparam("_value", type_=columns[sort.name].type),
                bindparam("_id", type_=columns["id"].type),
            )
            rows = rows.where(tuple_(*place) < bound if sort.descending else tuple_(*place) > bound)
        rows = rows.order_by(*order).limit(bindparam("_limit"))
        return self._selected().where(columns["id"].in_(rows)).order_by(*order) if searched else rows

    def _kind(self, name: str) -> type:
        return self._table.columns[name].type.python_type

    def _sorted(self, sort: _Sort) -> ColumnElement[Any]:
        column = self._table.columns[sort.name]
        if not column.nullable:
            return column
        return func.coalesce(column, _PLACES[self._kind(sort.name), sort.nulls_last][1])

    def _selected(self) -> Select[Any]:
        if not self._without:
            return select(self._model)
        columns = self._table.columns
        return select(*(null().label(c.key) if c.key in self._without else c for c in columns))

    def _whole(self, found: list[Any]) -> list[R]:
        """The selected rows as instances, which they are already unless columns were left out."""
        return [table_plan(self._model).row(values) for values in found] if self._without else found  # type: ignore[misc]  # table_plan(model) makes R

    def _criterion(self, name: str) -> ColumnElement[bool]:
        own = self._filters[name]
        if own is not None:
            return own(bindparam(name))
        column = self._table.columns[name]
        return column == bindparam(name, type_=column.type)

    def _token(self, row: R, sort: _Sort, asked: str) -> str:
        """The token for the page after *row*, valid for the question *asked* alone."""
        value = row.__dict__[sort.name]
        value = _PLACES[self._kind(sort.name), sort.nulls_last][0] if value is None else value
        text = value.isoformat() if isinstance(value, (date, datetime)) else value
        place = [text, row.__dict__["id"]]
        content = json.dumps(place, default=str, separators=(",", ":"), ensure_ascii=False)
        return sealed(content.encode(), asked)

    def _position(self, token: str, sort: _Sort, asked: str) -> dict[str, object]:
        if not token:
            return {}
        try:
            content = opened(token, asked)
            value, identity = json.loads(content)
            return {"_value": self._read(sort.name, value), "_id": self._read("id", identity)}
        except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise InvalidPageToken("not a token of this list") from None

    def _read(self, column: str, value: object) -> object:
        kind = self._table.columns[column].type
        read = _READ[kind.python_type](value)
        if isinstance(read, datetime) and read.tzinfo is None:
            raise ValueError("an instant without a time zone")
        bound = 2 ** (63 if isinstance(kind, BigInteger) else 31)
        if isinstance(read, int) and not -bound <= read < bound:
            raise ValueError("a number that the column cannot hold")
        if isinstance(read, Decimal) and not abs(read) < Decimal(10) ** _whole_digits(kind):
            raise ValueError("an amount that the column cannot hold")
        return read


def _whole_digits(kind: TypeEngine[Any]) -> int:
    assert isinstance(kind, Numeric)
    return (kind.precision or 14) - (kind.scale or 0)
