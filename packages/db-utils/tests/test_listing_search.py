"""Lists that are searched."""

import pytest
from db_utils import Database, Listing, PageRequest, TextTooLong
from tests.essais import Courriel, Fiche, fiche, scoped

FICHES = Listing(Fiche, sorts=("code",), search=(Fiche.nom, Fiche.note))
COURRIELS = Listing(Courriel, sorts=("created_at desc",))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("100", "ab"),
        ("100 %", "a"),
        ("%", "a"),
        ("_", "b"),
        ("\\", "c"),
        ("éLOÏSE", "d"),
        ("note", "e"),
        ("absent", ""),
        ("a" * 100, ""),
        ("'", "f"),
    ],
)
async def test_C08_a_search_is_a_substring_in_any_case(
    database: Database, org: str, search: str, found: str
) -> None:
    """Of any searched column; percent signs, underscores and backslashes mean themselves."""
    names = {
        "a": "100 % coton",
        "b": "100_pour_cent",
        "c": "anti\\slash",
        "d": "Éloïse",
        "e": "x",
        "f": "l'un",
    }
    async with database.transaction() as tx:
        for code, nom in names.items():
            await tx.insert(fiche(org, code=code, nom=nom, note="Une NOTE" if code == "e" else None))
    with scoped(org):
        page = await FICHES.page(database.read(), PageRequest(with_total=True), search=search)
    assert ("".join(row.code for row in page.rows), page.total) == (found, len(found))


async def test_C08_a_search_of_more_than_100_characters_is_refused(database: Database) -> None:
    """As any text that is too long."""
    with pytest.raises(TextTooLong):
        await FICHES.page(database.read(), PageRequest(), search="a" * 101)


async def test_a_list_that_is_not_searched_refuses_a_search(database: Database) -> None:
    """Rather than ignore it."""
    with pytest.raises(TypeError):
        await COURRIELS.page(database.read(), PageRequest(), search="a")
