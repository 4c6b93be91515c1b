"""Page tokens: bound to one list, and harmless when they are forged."""

import asyncio
import base64
import json
from typing import Any

import pytest
from db_utils import Database, InvalidPage, Listing, PageRequest, uuid7
from db_utils.errors import InvalidPageToken
from db_utils.listing import _Sort
from db_utils.page_tokens import sealed
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.essais import EXAMPLES, Courriel, Fiche, Personne, fiche, scoped

FICHES = Listing(
    Fiche,
    sorts=("created_at desc", "code", "nom", "rang", "grand", "montant desc", "jour", "etat", "id"),
    filters=("rang",),
)
COURRIELS = Listing(Courriel, sorts=("created_at desc",), filters=("adresse",))


async def insert(database: Database, *rows: Fiche) -> None:
    """Put *rows* into the table."""
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)


async def test_C08_a_token_fits_only_the_list_it_was_made_for(database: Database, org: str) -> None:
    """Its table, organisation, sort, filters and search; the size of the page may change."""
    await insert(database, *(fiche(org, rang=1, nom="x") for _ in range(4)))
    read = database.read()
    with scoped(org):
        token = (await FICHES.page(read, PageRequest(1, sort_by="code"), rang=1)).next_token
        assert len((await FICHES.page(read, PageRequest(3, token, "code"), rang=1)).rows) == 3
        others: tuple[tuple[PageRequest, dict[str, Any]], ...] = (
            (PageRequest(1, token, "nom"), {"rang": 1}),
            (PageRequest(1, token, "code", "desc"), {"rang": 1}),
            (PageRequest(1, token, "code"), {"rang": 2}),
            (PageRequest(1, token, "code"), {}),
        )
        for request, filters in others:
            with pytest.raises(InvalidPageToken):
                await FICHES.page(read, request, **filters)
        newest = (await FICHES.page(read, PageRequest(1))).next_token
        with pytest.raises(InvalidPageToken):
            await COURRIELS.page(read, PageRequest(1, newest))
    for other in (scoped(f"{org}-autre"), scoped("")):
        with other, pytest.raises(InvalidPageToken):
            await FICHES.page(read, PageRequest(1, token, "code"), rang=1)


async def test_C08_random_tokens_are_refused_and_nothing_else(database: Database, org: str) -> None:
    """Random texts and changed tokens raise InvalidPageToken."""
    await insert(database, *(fiche(org) for _ in range(3)))
    token = (await FICHES.page(database.read(), PageRequest(1))).next_token
    loop = asyncio.get_running_loop()
    changed = st.tuples(st.integers(0, len(token) - 1), st.characters()).map(
        lambda change: token[: change[0]] + change[1] + token[change[0] + 1 :]
    )
    encoded = st.binary(min_size=1).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    shortened = st.integers(1, len(token) - 1).map(lambda end: token[:end])

    @settings(EXAMPLES, max_examples=400)
    @given(st.one_of(st.text(min_size=1), encoded, changed, shortened).filter(lambda text: text != token))
    def refused(text: str) -> None:
        page = FICHES.page(database.read(), PageRequest(1, text))
        with pytest.raises(InvalidPage):
            asyncio.run_coroutine_threadsafe(page, loop).result()

    await asyncio.to_thread(refused)


async def test_C08_a_token_that_carries_a_name_is_refused(database: Database, org: str) -> None:
    """A token of a former version, which sorted by names themselves, would point elsewhere."""
    people = Listing(Personne, sorts=("nom",))
    former = repr(("personnes", _Sort("nom", False), [], None))
    token = sealed(json.dumps(["Élan", str(uuid7())]).encode(), former)
    with pytest.raises(InvalidPageToken):
        await people.page(database.read(), PageRequest(1, token))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["NaN", "1e999", "9" * 40]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


async def test_a_forged_token_names_a_place_or_is_refused(database: Database, org: str) -> None:
    """With a correct digest around any content there is a page or InvalidPage, never another error."""
    loop = asyncio.get_running_loop()

    @settings(EXAMPLES, max_examples=300)
    @given(st.sampled_from(sorted(FICHES._sorts)), _JSON | st.lists(_JSON, min_size=2, max_size=2))
    def answered(column: str, content: Any) -> None:
        page = FICHES.page(database.read(), PageRequest(1, forged(column, content), column, "asc"))
        try:
            asyncio.run_coroutine_threadsafe(page, loop).result()
        except InvalidPage:
            return

    await asyncio.to_thread(answered)
    for content in ([10**20, 5], ["1e12", str(fiche(org).id)], "[" * 1500):
        with pytest.raises(InvalidPage):
            await FICHES.page(database.read(), PageRequest(1, forged("montant", content), "montant", "asc"))


def forged(column: str, content: Any) -> str:
    """A token whose digest is right."""
    asked = repr(("fiches", FICHES._sort(PageRequest(sort_by=column, sort_order="asc")), [], None))
    raw = (content if isinstance(content, str) else json.dumps(content)).encode(errors="surrogatepass")
    return sealed(raw, asked)
