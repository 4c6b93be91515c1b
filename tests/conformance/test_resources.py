"""What holds for every resource of every service: ids, organisations and deletions (C2, C6, C11).

A new resource is covered by being in its contract (`resources.py`); what its Create needs is found
out by asking (`samples.py`). Versions are in `test_versions.py`, lists in `test_lists.py`.
"""

from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from service_testing import code_of, refusal
from service_testing.refusals import read

from tests.conformance.resources import METHODS, RESOURCES, Method, Resource, named
from tests.conformance.samples import Caller, belongs, parent_of

UNKNOWN = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"
MALFORMED = (
    "1",
    "x",
    "a b",
    "null",
    "' OR 1=1 --",
    "x" * 10_000,
    UNKNOWN.replace("-", ""),
    f"{{{UNKNOWN}}}",
    f"urn:uuid:{UNKNOWN}",
    UNKNOWN[:-1],
    UNKNOWN + "0",
)
MADE = [resource for resource in RESOURCES if resource.create and belongs(resource)]
DELETED = [resource for resource in MADE if resource.delete]
LISTED = [resource for resource in MADE if resource.listing]
ANYWHERE = [
    (resource, method)
    for resource in RESOURCES
    if resource.create
    for method in (resource.get, resource.update)
    if method
]
BY_ID = [(resource, method) for resource in MADE for method in (resource.get, resource.update) if method]
BY_PARENT = [
    (resource, method, field)
    for resource in MADE
    for method in (resource.create, resource.listing)
    if method
    for field in sorted(method.fields)
    if (parent := parent_of(resource.service, field)) and belongs(parent)
]


async def outcome(call: Awaitable[Any]) -> Any:
    """How *call* is refused, else what it answers."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return read(error)


async def there(caller: Caller, resource: Resource, row: Any) -> bool:
    """Whether *caller* finds *row*; without a Get and a list, by an Update of nothing."""
    by_id = resource.get or (resource.update if resource.listing is None else None)
    if by_id is not None:
        return await code_of(caller.call(by_id, id=row.id)) == StatusCode.OK
    assert resource.listing is not None
    same = {name: getattr(row, name) for name in resource.listing.fields & set(row.DESCRIPTOR.fields_by_name)}
    return await caller.lists(resource, row.id, **same)


@pytest.mark.parametrize(("resource", "method"), BY_ID, ids=named)
async def test_C6_what_others_have_does_not_exist(
    ours: Caller, theirs: Caller, resource: Resource, method: Method
) -> None:
    """A row of another organisation is answered exactly like an id that never existed."""
    foreign = await theirs.make(resource)
    unknown = await refusal(ours.call(method, id=UNKNOWN))
    assert (unknown.code, unknown.reason) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    assert unknown == await refusal(ours.call(method, id=foreign.id))


@pytest.mark.parametrize("resource", LISTED, ids=named)
async def test_C6_what_others_have_is_not_listed(ours: Caller, theirs: Caller, resource: Resource) -> None:
    """Whoever asks for a list gets the rows of his organisation."""
    assert resource.listing is not None
    foreign = await theirs.make(resource)
    fields = await ours.asked(resource.listing)
    assert not await ours.lists(resource, foreign.id, **fields)


@pytest.mark.parametrize(("resource", "method"), ANYWHERE, ids=named)
async def test_C2_what_cannot_be_an_id_does_not_exist(
    ours: Caller, unbound: Caller, resource: Resource, method: Method
) -> None:
    """A malformed id, an empty one included, is answered like an unknown one."""
    caller = ours if belongs(resource) else unbound
    for identity in ("", *MALFORMED, UNKNOWN):
        answer = await refusal(caller.call(method, id=identity))
        assert (identity, answer.code, answer.reason) == (identity, StatusCode.NOT_FOUND, "INTROUVABLE")


@pytest.mark.parametrize("resource", DELETED, ids=named)
async def test_C11_only_what_is_there_is_deleted(ours: Caller, theirs: Caller, resource: Resource) -> None:
    """Once; what is malformed, unknown, of another organisation or deleted before is success=false."""
    assert resource.delete is not None
    own, foreign = await ours.make(resource), await theirs.make(resource)
    ids = ("", *MALFORMED, UNKNOWN, foreign.id, own.id, own.id)
    told = [(await ours.call(resource.delete, id=identity)).success for identity in ids]
    assert told == [False] * (len(ids) - 2) + [True, False]
    assert (await there(theirs, resource, foreign), await there(ours, resource, own)) == (True, False)
    if resource.update:
        assert (await refusal(ours.call(resource.update, id=own.id))).reason == "INTROUVABLE"


@pytest.mark.parametrize(("resource", "method", "field"), BY_PARENT, ids=named)
async def test_C6_what_others_have_has_nothing(
    ours: Caller, theirs: Caller, resource: Resource, method: Method, field: str
) -> None:
    """What belongs to a row of another organisation is neither made nor listed: as for an unknown id."""
    parent = parent_of(resource.service, field)
    assert parent is not None
    _, fields = await ours.made(resource)
    foreign = await theirs.make(parent)
    same = {name: value for name, value in fields.items() if name in method.fields}
    ids = (UNKNOWN, *MALFORMED, foreign.id)
    answers = [await outcome(ours.call(method, **same | {field: identity})) for identity in ids]
    assert [answer for answer in answers if answer != answers[0]] == []
    if method is resource.create:
        assert answers[0].reason in ("INTROUVABLE", "REFERENCE_INCONNUE")


@pytest.mark.parametrize(
    "method", [method for method in METHODS if "organisation_id" in method.fields], ids=named
)
async def test_C6_nobody_names_another_organisation(ours: Caller, theirs: Caller, method: Method) -> None:
    """In whatever request: PERMISSION_DENIED."""
    answer = await refusal(ours.call(method, organisation_id=theirs.organisation))
    assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "ORGANISATION_DIFFERENTE")


@pytest.mark.parametrize("resource", MADE, ids=named)
async def test_C6_nothing_is_made_for_nobody(ours: Caller, nobody: Caller, resource: Resource) -> None:
    """A user without an organisation makes no row of one."""
    assert resource.create is not None
    _, fields = await ours.made(resource)
    answer = await refusal(nobody.call(resource.create, **fields))
    assert answer.reason in ("ORGANISATION_REQUISE", "INTROUVABLE"), answer


@pytest.mark.parametrize("resource", MADE, ids=named)
async def test_C6_nobody_sees_anything(ours: Caller, nobody: Caller, resource: Resource) -> None:
    """For a user without an organisation lists are empty, and rows do not exist."""
    row = await ours.make(resource)
    for method in (resource.get, resource.update):
        if method and not method.internal:
            assert (await refusal(nobody.call(method, id=row.id))).reason == "INTROUVABLE"
    if resource.listing:
        assert not await nobody.lists(resource, row.id, **await ours.asked(resource.listing))
    if resource.delete:
        assert not (await nobody.call(resource.delete, id=row.id)).success
    assert await there(ours, resource, row)
