"""Searches in lists (C8): words in any order, phone numbers in any form, pages of what is found."""

from typing import Any

import pytest
from db_utils import Database, Listing, PageRequest, TextTooLong
from db_utils.errors import InvalidPageToken
from db_utils.keys import Key, Searched
from db_utils.searches import Search
from tests.essais import Courriel, Personne, scoped


def whole(text: str) -> tuple[str, ...]:
    """Both forms of a French number of ten digits, as a service would read it."""
    digits = "".join(filter(str.isdigit, text)).removeprefix("0033").removeprefix("33").removeprefix("0")
    return (f"+33{digits}", f"0{digits}") if len(digits) == 9 else ()


PERSONNES = Listing(Personne, sorts=("nom", "created_at desc"), search=Personne.recherche_cle, number=whole)
NOMS = Listing(Personne, sorts=("nom",), search=Personne.nom_cle)
COURRIELS = Listing(Courriel, sorts=("created_at desc",))


@pytest.fixture
async def people(database: Database, org: str) -> str:
    """An organisation with a few of them."""
    async with database.transaction() as tx:
        people: tuple[dict[str, Any], ...] = (
            {"nom": "Dupont", "prenom": "Jean", "email": "j.dupont@exemple.fr"},
            {"nom": "Élan", "prenom": "Élodie", "telephone": "06.12.34.56.78"},
            {"nom": "Œuvre", "email": "œuvre@exemple.fr"},
            {"nom": "100 % coton", "prenom": "a_b"},
            {"nom": "anti\\slash", "prenom": "l’un"},
            {"nom": "Eva", "email": "ELODIE@EXEMPLE.fr"},
        )
        for values in people:
            e164, national = whole(values.get("telephone", "")) or (None, None)
            await tx.insert(Personne(organisation_id=org, **values, e164=e164, national=national))
    return org


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("jean dupont", ["Dupont"]),
        ("Dupont Jean", ["Dupont"]),
        ("UPON  j.dup", ["Dupont"]),
        ("jean martin", []),
        ("dupontjean", []),
        ("elodie", ["Élan", "Eva"]),
        ("Élodie", ["Élan"]),
        ("elodie@", ["Eva"]),
        ("Élodie@", []),
        ("oeuvre", ["Œuvre"]),
        ("ŒUVRE", ["Œuvre"]),
        ("œuvre@exemple", ["Œuvre"]),
        ("oeuvre@exemple", []),
        ("%", ["100 % coton"]),
        ("_", ["100 % coton"]),
        ("100 coton", ["100 % coton"]),
        ("\\", ["anti\\slash"]),
        ("l'un", ["anti\\slash"]),
        ("\u0301 dupont", ["Dupont"]),
        ("´", ["100 % coton", "anti\\slash", "Dupont", "Élan", "Eva", "Œuvre"]),
        ("a" * 100, []),
        ("' OR 1=1 --", []),
    ],
)
async def test_C08_every_word_is_found_somewhere(
    database: Database, people: str, search: str, found: list[str]
) -> None:
    """Names without accents, ligatures and case, emails without case; LIKE wildcards stand for themselves."""
    with scoped(people):
        page = await PERSONNES.page(database.read(), PageRequest(with_total=True), search=search)
    assert ([row.nom for row in page.rows], page.total) == (found, len(found))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("0612345678", True),
        ("06.12.34.56.78", True),
        ("06 12 34", True),
        ("06 123", True),
        ("+33 6 12", True),
        ("+33612345678", True),
        ("0033 612345678", True),
        ("élan 0612", True),
        ("06 12 elan 34", True),
        ("0612345679", False),
        ("00336123", False),
        ("dupont 0612", False),
        ("...", False),
        ("+", True),
    ],
)
async def test_C08_a_run_of_digits_is_found_in_a_number(
    database: Database, people: str, search: str, found: bool
) -> None:
    """Each word, all digits together, or the whole number in a stored form."""
    with scoped(people):
        page = await PERSONNES.page(database.read(), PageRequest(), search=search)
    assert [row.nom for row in page.rows] == ["Élan"] * found


async def test_C08_digits_are_run_together_in_numbers_only(database: Database, org: str) -> None:
    """Digits in a name or an email are found as words only."""
    async with database.transaction() as tx:
        await tx.insert(Personne(organisation_id=org, nom="X0612", email="y0612@exemple.fr"))
    with scoped(org):
        assert not (await PERSONNES.page(database.read(), PageRequest(), search="0.61.2")).rows


async def test_C08_a_search_of_one_text_looks_at_its_key(database: Database, people: str) -> None:
    """A `Key` column that is sorted can be searched too."""
    with scoped(people):
        page = await NOMS.page(database.read(), PageRequest(), search="élan")
    assert [row.nom for row in page.rows] == ["Élan"]


async def test_C10_texts_are_sorted_by_their_keys(database: Database, org: str) -> None:
    """É sorts with E and Œ with OE, in both directions and over pages; a token carries the key."""
    names = ["Élan", "eva", "Fanny", "Œuvre", "Olive", "olivier"]
    async with database.transaction() as tx:
        for name in reversed(names):
            await tx.insert(Personne(organisation_id=org, nom=name))
    for order, expected in (("asc", names), ("desc", names[::-1])):
        met, request = [], PageRequest(2, "", "nom", order)
        while True:
            with scoped(org):
                page = await PERSONNES.page(database.read(), request, search="e")
            met += [row.nom for row in page.rows]
            if not page.next_token:
                break
            request = PageRequest(2, page.next_token, "nom", order)
        assert met == [name for name in expected if name != "Fanny"]


async def test_C08_the_longest_names_have_pages(database: Database, org: str) -> None:
    """Their keys are cut to what an index holds."""
    async with database.transaction() as tx:
        for number in range(3):
            await tx.insert(Personne(organisation_id=org, nom=f"{number}" + "ﷺ㌖" * 127))
    with scoped(org):
        first = await PERSONNES.page(database.read(), PageRequest(1))
        second = await PERSONNES.page(database.read(), PageRequest(2, first.next_token))
    assert [row.nom[0] for row in (*first.rows, *second.rows)] == ["0", "1", "2"]


async def test_C08_a_token_is_bound_to_what_is_searched(database: Database, people: str) -> None:
    """Other words make another list; another spelling of the same words does not."""
    with scoped(people):
        token = (await PERSONNES.page(database.read(), PageRequest(1), search="E")).next_token
        same = await PERSONNES.page(database.read(), PageRequest(1, token), search=" e ")
        for search in ("", "el"):
            with pytest.raises(InvalidPageToken):
                await PERSONNES.page(database.read(), PageRequest(1, token), search=search)
    assert len(same.rows) == 1


async def test_C08_a_search_of_more_than_100_characters_is_refused(database: Database) -> None:
    """With TextTooLong."""
    with pytest.raises(TextTooLong):
        await PERSONNES.page(database.read(), PageRequest(), search="a" * 101)


async def test_a_list_that_is_not_searched_refuses_a_search(database: Database) -> None:
    """The search is not ignored."""
    with pytest.raises(TypeError):
        await COURRIELS.page(database.read(), PageRequest(), search="a")


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("a b", ((1,), (1,))),
        ("é", ((1, 1),)),
        ("Élan", ((1,), (1, 1))),
        ("06 12", ((2, 1),)),
        ("0612", ((1,),)),
        ("06 a 12", ((1,),) * 3),
    ],
)
def test_a_search_has_few_patterns(text: str, shape: object) -> None:
    """One LIKE for a plain word, because each is run on every row that the others let through."""
    column = Searched(texts=("nom",), codes=("email",), numbers=("e164",))
    assert Search.of(text, column, None).shape == shape
    assert Search.of("06 12", Key("nom"), None).shape == ((1,), (1,))
