"""Lists in pages (C8): each row once, in order, with tokens that are bound to one list."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from db_utils import Database, Listing, Page, PageRequest, UnknownChoice, context
from db_utils.errors import InvalidPageSize, UnknownOrder, UnknownSort
from db_utils.pages import LARGEST_SIZE
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import any_
from tests.essais import EXAMPLES, Fiche, Journal, fiche, scoped

FICHES = Listing(
    Fiche,
    sorts=(
        "created_at desc",
        "code",
        "nom",
        "rang",
        "grand",
        "montant desc",
        "jour",
        "instant",
        "terme",
        "etat",
        "id",
    ),
    filters={
        "etat": None,
        "rang": None,
        "apres": lambda value: Fiche.jour >= value,
        "codes": lambda values: Fiche.code == any_(values),
    },
)


async def insert(database: Database, *rows: Fiche) -> None:
    """Put *rows* into the table."""
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)


async def pages(database: Database, request: PageRequest, **filters: Any) -> list[Page[Fiche]]:
    """All pages from the first to the last."""
    found = [await FICHES.page(database.read(), request, **filters)]
    while found[-1].next_token:
        following = PageRequest(request.size, found[-1].next_token, request.sort_by, request.sort_order)
        found.append(await FICHES.page(database.read(), following, **filters))
    return found


def walk(found: list[Page[Fiche]]) -> list[Fiche]:
    """The rows of all pages."""
    return [row for page in found for row in page.rows]


_VALUES: dict[str, list[Any]] = {
    "created_at": [
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in (0, 1, 1, 2, 999_999)
    ],
    "code": ["a", "B", "é", "%", "'"],
    "nom": ["", "x", "x", "Z", "🎈\n"],
    "rang": [-1, 0, 0, 2**31 - 1, -(2**31)],
    "grand": [-(2**63), 0, 0, 2**63 - 1, 1],
    "montant": [Decimal("-0.01"), Decimal("0"), Decimal("0.00"), Decimal("999999999999.99"), Decimal("1.50")],
    "jour": [date(1, 1, 1), date(9999, 12, 31), date(2026, 1, 1), date(2026, 1, 1), date(2024, 2, 29)],
    "instant": [None, datetime(2026, 1, 1, tzinfo=UTC), None, datetime(1, 1, 2, tzinfo=UTC), None],
    "terme": [None, date(2026, 1, 1), None, date(1, 1, 2), None],
    "etat": ["CLOSE", "OUVERTE", "CLOSE", "CLOSE", "OUVERTE"],
    "id": [None] * 5,
}


def _place(row: Fiche, column: str) -> Any:
    """What *row* is sorted by; without an instant or a day it stands before all others."""
    value = getattr(row, column)
    never = {"instant": datetime.min.replace(tzinfo=UTC), "terme": date.min}
    return never[column] if value is None else value


@pytest.mark.parametrize("size", [1, 2, 4, 5])
@pytest.mark.parametrize("order", ["asc", "DESC"])
@pytest.mark.parametrize("column", _VALUES)
async def test_C08_a_walk_meets_every_row_once_in_order(
    database: Database, org: str, column: str, order: str, size: int
) -> None:
    """Sorted by columns of every type, with equal values, in both directions and for every size of page."""
    rows = [fiche(org, **({column: value} if value is not None else {})) for value in _VALUES[column]]
    await insert(database, *rows)
    with scoped(org):
        found = await pages(database, PageRequest(size, sort_by=column, sort_order=order))
    in_order = sorted(rows, key=lambda row: (_place(row, column), row.id), reverse=order == "DESC")
    assert [row.id for row in in_order] == [row.id for row in walk(found)]
    assert [len(page.rows) for page in found][:-1] == [size] * (len(found) - 1)


async def test_C08_the_last_page_has_no_token(database: Database, org: str) -> None:
    """Also when it is full, or empty."""
    with scoped(org):
        empty = await FICHES.page(database.read(), PageRequest(3))
        await insert(database, *(fiche(org) for _ in range(3)))
        full = await FICHES.page(database.read(), PageRequest(3))
    assert ((empty.rows, empty.next_token), (len(full.rows), full.next_token)) == (([], ""), (3, ""))


async def test_C08_the_sizes_of_pages(database: Database, org: str) -> None:
    """0 means 20, more than 100 means 100, a negative size is refused."""
    await insert(database, *(fiche(org) for _ in range(LARGEST_SIZE + 1)))
    with scoped(org):
        sizes = {
            asked: len((await FICHES.page(database.read(), PageRequest(asked))).rows)
            for asked in (0, 1, 99, 100, 101, 2**31 - 1)
        }
        with pytest.raises(InvalidPageSize):
            await FICHES.page(database.read(), PageRequest(-1))
    assert sizes == {0: 20, 1: 1, 99: 99, 100: 100, 101: 100, 2**31 - 1: 100}


async def test_C08_a_total_is_counted_when_asked(database: Database, org: str) -> None:
    """The rows of all pages under the filters."""
    await insert(database, *(fiche(org, rang=number % 2) for number in range(5)))
    with scoped(org):
        asked = await FICHES.page(database.read(), PageRequest(2, with_total=True))
        filtered = await FICHES.page(database.read(), PageRequest(1, with_total=True), rang=1)
        unasked = await FICHES.page(database.read(), PageRequest(2))
    assert (asked.total, filtered.total, unasked.total) == (5, 2, None)


async def test_a_caller_of_no_organisation_gets_an_empty_page(database: Database) -> None:
    """With a total of 0."""
    token = context.scope.set(context.NOTHING)
    page = await FICHES.page(database.read(), PageRequest(with_total=True))
    context.scope.reset(token)
    assert (page.rows, page.next_token, page.total) == ([], "", 0)


async def test_C08_the_default_sort_is_the_first_in_its_direction(database: Database, org: str) -> None:
    """A sort without a direction has its declared one."""
    rows = [fiche(org, montant=Decimal(n), code=str(n)) for n in range(3)]
    await insert(database, *rows)
    with scoped(org):
        read = database.read()
        default = (await FICHES.page(read, PageRequest())).rows
        montant = (await FICHES.page(read, PageRequest(sort_by="montant"))).rows
        code = (await FICHES.page(read, PageRequest(sort_by="code"))).rows
    assert [[row.code for row in one] for one in (default, montant, code)] == [["2", "1", "0"]] * 2 + [
        ["0", "1", "2"]
    ]


@pytest.mark.parametrize("by", ["note", "CODE", "id;--"])
async def test_C08_an_unknown_sort_is_refused(database: Database, by: str) -> None:
    """A column that the list does not declare."""
    with pytest.raises(UnknownSort):
        await FICHES.page(database.read(), PageRequest(sort_by=by))


@pytest.mark.parametrize(("by", "order"), [("code", "up"), ("", "x")])
async def test_C08_an_unknown_direction_is_refused(database: Database, by: str, order: str) -> None:
    """Everything but asc and desc."""
    with pytest.raises(UnknownOrder):
        await FICHES.page(database.read(), PageRequest(sort_by=by, sort_order=order))


@pytest.mark.parametrize("wanted", ["asc", "ASC", "Desc", "desc"])
async def test_C08_directions_in_any_case(database: Database, org: str, wanted: str) -> None:
    """In capitals and mixed."""
    await insert(database, fiche(org, code="a"), fiche(org, code="b"))
    with scoped(org):
        page = await FICHES.page(database.read(), PageRequest(sort_by="code", sort_order=wanted))
    assert [row.code for row in page.rows] == sorted("ab", reverse=wanted.lower() == "desc")


async def test_filters_combine_and_empty_ones_do_not_apply(database: Database, org: str) -> None:
    """Equality and functions; 0 and False filter, None and "" do not."""
    await insert(
        database,
        fiche(org, code="a", etat="CLOSE", rang=0, jour=date(2026, 1, 1)),
        fiche(org, code="b", etat="OUVERTE", rang=0, jour=date(2026, 2, 1)),
        fiche(org, code="c", etat="OUVERTE", rang=1, jour=date(2026, 3, 1)),
    )

    async def codes(**filters: Any) -> str:
        page = await FICHES.page(database.read(), PageRequest(sort_by="code"), **filters)
        return "".join(row.code for row in page.rows)

    with scoped(org):
        assert await codes(etat="", rang=None, apres=None) == "abc"
        assert await codes(rang=0) == "ab"
        assert await codes(rang=0, etat="OUVERTE") == "b"
        assert await codes(apres=date(2026, 2, 1)) == "bc"
        assert await codes(codes=["a", "c"]) == "ac"
        with pytest.raises(UnknownChoice):
            await codes(etat="ouverte")
        with pytest.raises(TypeError):
            await codes(absent="x")


@pytest.mark.parametrize(("model", "sort"), [(Fiche, "note"), (Fiche, "note desc"), (Fiche, "donnees")])
def test_a_column_that_cannot_carry_a_keyset_is_refused_at_once(model: Any, sort: str) -> None:
    """When the list is declared: a nullable column that is no instant, or a type without a form in tokens."""
    with pytest.raises(ValueError, match=sort.partition(" ")[0]):
        Listing(model, sorts=(sort,))


async def test_a_numbered_table_is_listed_by_its_numbers(database: Database, org: str) -> None:
    """The primary key may be a number."""
    journal = Listing(Journal, sorts=("id",), filters=("message",))
    async with database.transaction() as tx:
        for _ in range(3):
            await tx.insert(Journal(message=org))
    first = await journal.page(database.read(), PageRequest(2), message=org)
    second = await journal.page(database.read(), PageRequest(2, first.next_token), message=org)
    ids = [row.id for row in (*first.rows, *second.rows)]
    assert (len(ids), ids) == (3, sorted(ids))


async def test_C08_a_walk_meets_every_lasting_row_whatever_is_inserted_meanwhile(
    database: Database, org: str
) -> None:
    """Rows from before the walk come exactly once, in order; new rows at most once."""
    loop = asyncio.get_running_loop()
    ranks = st.integers(0, 3)
    organisations = iter(range(10**6))

    async def scenario(before: list[int], meanwhile: list[list[int]], size: int, order: str) -> None:
        mine = f"{org}-{next(organisations)}"
        lasting = [fiche(mine, rang=rang) for rang in before]
        await insert(database, *lasting)
        with scoped(mine):
            request, met = PageRequest(size, "", "rang", order), []
            while True:
                page = await FICHES.page(database.read(), request)
                met += [(row.rang, row.id) for row in page.rows]
                if not page.next_token:
                    break
                late = meanwhile.pop() if meanwhile else []
                await insert(database, *(fiche(mine, rang=rang) for rang in late))
                request = PageRequest(size, page.next_token, "rang", order)
        assert met == sorted(set(met), reverse=order == "desc")
        assert {(row.rang, row.id) for row in lasting} <= set(met)

    @EXAMPLES
    @given(
        st.lists(ranks, max_size=12),
        st.lists(st.lists(ranks, max_size=4), max_size=8),
        st.integers(1, 5),
        st.sampled_from(["asc", "desc"]),
    )
    def walked(before: list[int], meanwhile: list[list[int]], size: int, order: str) -> None:
        asyncio.run_coroutine_threadsafe(scenario(before, meanwhile, size, order), loop).result()

    await asyncio.to_thread(walked)
