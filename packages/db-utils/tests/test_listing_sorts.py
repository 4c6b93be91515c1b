"""Sorts of lists by ranks and by instants that some rows lack; filters that depend on the instant (C8)."""

from datetime import UTC, datetime
from functools import partial

import pytest
from db_utils import Database, Listing, PageRequest
from sqlalchemy import bindparam
from tests.essais import Demande, scoped

DEMANDES = Listing(
    Demande,
    sorts=("echeance nulls last", "urgence desc", "created_at desc nulls last"),
    filters={"urgence": None, "en_retard": lambda _: Demande.echeance < bindparam("now")},
    search=Demande.texte_cle,
)
MARCH, APRIL, MAY, JUNE = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 5, 6))


async def insert(database: Database, *rows: Demande) -> None:
    """Put *rows* into the table."""
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)


async def walked(database: Database, request: PageRequest) -> list[Demande]:
    """All rows of the list, a row a page."""
    rows, token = [], ""
    while True:
        page = await DEMANDES.page(
            database.read(), PageRequest(1, token, request.sort_by, request.sort_order)
        )
        rows += page.rows
        token = page.next_token
        if not token:
            return rows


@pytest.mark.parametrize("order", ["", "asc", "desc"])
async def test_C08_rows_without_an_instant_may_come_last(database: Database, org: str, order: str) -> None:
    """The other direction is the reverse."""
    echeances = (None, APRIL, MARCH, datetime.max.replace(tzinfo=UTC), None)
    await insert(database, *(Demande(organisation_id=org, echeance=echeance) for echeance in echeances))
    with scoped(org):
        rows = await walked(database, PageRequest(sort_order=order))
    found = [row.echeance for row in rows][:: -1 if order == "desc" else 1]
    assert found[:2] == [MARCH, APRIL]
    assert sorted(map(str, found[2:])) == ["9999-12-31 23:59:59.999999+00:00", "None", "None"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [("", ["urgente", "haute", "basse"]), ("asc", ["basse", "haute", "urgente"])],
)
async def test_C08_a_choice_with_a_rank_is_sorted_by_it(
    database: Database, org: str, order: str, expected: list[str]
) -> None:
    """In the order of its list, also after a change."""
    rows = [Demande(organisation_id=org, urgence=urgence) for urgence in ("urgente", "basse", "basse")]
    await insert(database, *rows)
    with scoped(org):
        async with database.transaction() as tx:
            await tx.update(rows[1], urgence="haute")
        found = await walked(database, PageRequest(sort_by="urgence", sort_order=order))
    assert [row.urgence for row in found] == expected


async def test_C08_a_walk_goes_on_at_a_later_instant(database: Database, org: str) -> None:
    """A token of a filter by the current instant fits later; what has become late meanwhile is met."""
    await insert(database, *(Demande(organisation_id=org, echeance=day) for day in (MARCH, APRIL, MAY)))
    late = partial(DEMANDES.page, database.read(), en_retard=True)
    with scoped(org):
        first = await late(PageRequest(1, with_total=True), current={"now": MAY})
        second = await late(PageRequest(2, first.next_token), current={"now": JUNE})
    assert first.total == 2
    assert [row.echeance for row in (*first.rows, *second.rows)] == [MARCH, APRIL, MAY]


async def test_C10_a_long_text_is_searched_to_its_end(database: Database, org: str) -> None:
    """A word behind thousands of others is found, whatever its accents."""
    await insert(database, Demande(organisation_id=org, texte="mot " * 2_500 + "Élan"))
    with scoped(org):
        found = await DEMANDES.page(database.read(), PageRequest(), search="elan mot")
        other = await DEMANDES.page(database.read(), PageRequest(), search="élans")
    assert (len(found.rows), other.rows) == (1, [])
