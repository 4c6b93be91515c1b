"""What holds for every list of every service: pages, their tokens, sorts, totals and searches (C8, C10)."""

import base64
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from grpc import StatusCode
from service_testing import code_of, refusal

from tests.conformance.resources import METHODS, RESOURCES, Method, Resource, named
from tests.conformance.samples import Caller, belongs, parent_of

DIGEST = 9  # bytes with which a token begins; they tie its place to its list
IDENTITY = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"
ROWS = 3
PLACES: tuple[tuple[object, ...], ...] = (
    (),
    (None,),
    ("Anne", IDENTITY),
    ("Anne" * 10_000, IDENTITY),
    ("\x00", IDENTITY),
    ("\ud800", IDENTITY),
    (2**70, IDENTITY),
    ({"a": [1.5]}, IDENTITY),
)
TOKENS = ("x", "é", "====", "' OR 1=1 --", "A" * 100_000, "WyJBbm5lIl0", "MTIzNDU2Nzg5W10")
PAGES: list[dict[str, Any]] = [
    {"page_size": -1},
    {"sort_by": "rien"},
    {"sort_by": "id; DROP TABLE outbox"},
    {"sort_order": "au hasard"},
]
ONE_ORDER = {"auth.TokenService.ListRevoked"}  # revocations come as they were made
NAMES = ("nom", "raison_sociale", "denomination", "sujet", "titre", "description")
SPELLINGS = {"elodie oeuvrard", "ŒUVRARD", "lodi", "vrard élo", "E\u0301lodie"}
OTHERS = {"oeuvrard anne", "elod%e", "_lodie", "oeuvrard\\"}

LISTS = [method for method in METHODS if "pagination" in method.fields]
LISTED = [resource for resource in RESOURCES if resource.create and resource.listing and belongs(resource)]
SEARCHED = [resource for resource in LISTED if resource.listing and "search" in resource.listing.fields]
# Others, such as invoices, are found by codes alone.
SEARCHED_BY_NAME = [one for one in SEARCHED if one.create and set(NAMES) & one.create.fields]
EVERY_LIST = pytest.mark.parametrize("method", LISTS, ids=named)
EVERY_LISTED = pytest.mark.parametrize("resource", LISTED, ids=named)


def is_owner(resource: Resource, field: str) -> bool:
    """Whether *field* holds the id of a row of the organisation to which *resource* belongs."""
    parent = parent_of(resource.service, field)
    return parent is not None and belongs(parent)


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a resource, and the fields with which a list has them and no others of a sample."""

    resource: Resource
    caller: Caller
    ids: list[str]
    same: dict[str, object]

    async def page(self, **pagination: Any) -> Any:
        """One page of their list."""
        assert self.resource.listing is not None
        return await self.caller.call(self.resource.listing, pagination=Pagination(**pagination), **self.same)

    async def walk(self, **pagination: Any) -> list[str]:
        """The ids on all pages, one page after the other."""
        found: list[str] = []
        token = ""
        while True:
            answer = await self.page(page_token=token, **pagination)
            found += [row.id for row in self.resource.rows(answer)]
            token = answer.pagination.next_page_token
            if not token:
                return found


async def rows_of(caller: Caller, resource: Resource, **fields: object) -> Rows:
    """Rows of one parent, in the list of its children."""
    assert resource.listing is not None
    _, given = await caller.made(resource, **fields)
    parents = {name: value for name, value in given.items() if is_owner(resource, name)}
    made = [await caller.make(resource, **parents) for _ in range(ROWS)]
    same = {name: value for name, value in parents.items() if name in resource.listing.fields}
    return Rows(resource, caller, [row.id for row in made], same)


def forged(digest: bytes, *place: object) -> str:
    """A token of these parts."""
    return base64.urlsafe_b64encode(digest + json.dumps(place).encode()).decode().rstrip("=")


@pytest.fixture
async def rows(ours: Caller, resource: Resource) -> Rows:
    """Some rows of the resource of the test."""
    return await rows_of(ours, resource)


@EVERY_LIST
async def test_C8_a_page_that_cannot_be_is_refused(ours: Caller, method: Method) -> None:
    """With PAGE_INVALIDE and the field."""
    asked = await ours.asked(method)
    for page in PAGES[:1] if method.name in ONE_ORDER else PAGES:
        answer = await refusal(ours.call(method, pagination=Pagination(**page), **asked))
        assert (page, answer.reason, answer.metadata) == (page, "PAGE_INVALIDE", {"champ": next(iter(page))})


@EVERY_LIST
async def test_C8_what_is_no_token_is_refused(ours: Caller, method: Method) -> None:
    """A text of any letters and length."""
    asked = await ours.asked(method)
    for token in TOKENS:
        answer = await refusal(ours.call(method, pagination=Pagination(page_token=token), **asked))
        assert (token, answer.reason, answer.metadata) == (
            token,
            "JETON_DE_PAGE_INVALIDE",
            {"champ": "page_token"},
        )


@pytest.mark.parametrize("method", [one for one in LISTS if "search" in one.fields], ids=named)
async def test_C8_a_search_has_100_characters_at_most(ours: Caller, method: Method) -> None:
    """One more is TROP_LONG."""
    asked = await ours.asked(method)
    await ours.call(method, search="a" * 100, **asked)
    assert (await refusal(ours.call(method, search="a" * 101, **asked))).reason == "TROP_LONG"


@EVERY_LISTED
async def test_C8_a_walk_meets_every_row_once(rows: Rows) -> None:
    """In both directions, a row a page; the largest page has them all and no token."""
    there = await rows.walk(page_size=1, sort_order="asc")
    assert (len(there), set(rows.ids) <= set(there)) == (len(set(there)), True)
    assert await rows.walk(page_size=1, sort_order="DESC") == there[::-1]
    assert sorted(await rows.walk(page_size=1_000)) == sorted(there)


@EVERY_LISTED
async def test_C8_a_total_is_counted_when_asked(rows: Rows) -> None:
    """It is absent otherwise."""
    counted, silent = await rows.page(page_size=1, with_total=True), await rows.page(page_size=1)
    assert counted.pagination.total == len(await rows.walk(page_size=100))
    assert not silent.pagination.HasField("total")


@EVERY_LISTED
async def test_C8_a_token_fits_one_list_of_one_organisation(
    rows: Rows, ours: Caller, theirs: Caller, resource: Resource
) -> None:
    """Every other list, the other direction and another organisation refuse it, and any other place in it."""
    assert resource.listing is not None
    token = (await rows.page(page_size=1, sort_order="asc")).pagination.next_page_token
    assert await code_of(rows.page(page_token=token, sort_order="asc")) == StatusCode.OK
    others = [one for one in LISTS if one != resource.listing]
    page = Pagination(page_token=token, sort_order="asc")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    asked: list[Awaitable[Any]] = [
        rows.page(page_token=token, sort_order="desc"),
        *(rows.page(page_token=forged(raw[:DIGEST], *place), sort_order="asc") for place in PLACES),
        *[ours.call(one, pagination=page, **await ours.asked(one)) for one in others],
    ]
    if not rows.same:  # what others have has no list at all
        foreign = Rows(resource, theirs, [], await theirs.asked(resource.listing))
        asked.append(foreign.page(page_token=token, sort_order="asc"))
    refused = [(await refusal(call)).reason for call in asked]
    assert refused == ["JETON_DE_PAGE_INVALIDE"] * len(asked)


@pytest.mark.parametrize("resource", SEARCHED_BY_NAME, ids=named)
async def test_C10_names_are_found_by_any_spelling(ours: Caller, resource: Resource) -> None:
    """Without accents, ligatures and case, by parts of words in any order; other signs are ordinary ones."""
    assert resource.create is not None
    field = next(name for name in NAMES if name in resource.create.fields)
    row = await ours.make(resource, **{field: "Œuvrard Élodie"})
    found = {text: await ours.lists(resource, row.id, search=text) for text in SPELLINGS | OTHERS}
    assert found == dict.fromkeys(SPELLINGS, True) | dict.fromkeys(OTHERS, False)
