"""A service that names no organisation reads a row by its id, and does nothing else (C6).

Rows that belong to no organisation are not concerned: accounts, keys, organisations themselves.
"""

import pytest
from grpc import StatusCode
from service_testing import refusal

from tests.conformance.resources import METHODS, RESOURCES, Method, Resource, named
from tests.conformance.samples import Caller, belongs, parent_of
from tests.conformance.test_resources import MADE, outcome, there

# The second one where even a service reads on behalf of a user alone.
REFUSED = ("ORGANISATION_REQUISE", "UTILISATEUR_REQUIS")
STANDARD = [
    (resource, method)
    for resource in MADE
    for method in (resource.create, resource.listing, resource.update, resource.delete)
    if method
]
_KNOWN = {method.name for _, method in STANDARD}
_OF_NOBODY = {resource.contract for resource in RESOURCES if not belongs(resource)}


def subjects(method: Method) -> dict[str, Resource]:
    """The fields of *method* that hold ids of rows of organisations."""
    own = next((one for one in MADE if one.contract == method.contract), None)
    fields = {field: own if field == "id" else parent_of(method.service, field) for field in method.fields}
    return {name: one for name, one in fields.items() if one in MADE}


OTHERS = [
    method
    for method in METHODS
    if method.name not in _KNOWN and method.contract not in _OF_NOBODY
    if subjects(method) or "organisation_id" in method.fields
    if not (method.reads and "id" in method.fields)
]


@pytest.mark.parametrize(("resource", "method"), STANDARD, ids=named)
async def test_C6_a_service_names_the_organisation_it_works_for(
    ours: Caller, unbound: Caller, resource: Resource, method: Method
) -> None:
    """Without one it makes, lists, changes and deletes nothing; it finds a row by its id."""
    row, fields = await ours.made(resource)
    asked: dict[str, object] = {"id": row.id}
    if method in (resource.create, resource.listing):
        asked = fields if method is resource.create else await ours.asked(method)
    asked = {name: value for name, value in asked.items() if name != "organisation_id"}
    answer = await refusal(unbound.call(method, **asked))
    assert (answer.code, answer.reason) in ((StatusCode.INVALID_ARGUMENT, one) for one in REFUSED), answer
    assert await there(ours, resource, row)
    if resource.get:
        found = await outcome(unbound.call(resource.get, id=row.id))
        assert found == await ours.call(resource.get, id=row.id) or found.reason == "UTILISATEUR_REQUIS"


@pytest.mark.parametrize("method", OTHERS, ids=named)
async def test_C6_so_it_does_for_everything_else(ours: Caller, unbound: Caller, method: Method) -> None:
    """Verbs about a row, counts, and searches by anything but an id; where no other field is at fault."""
    ids = {field: (await ours.make(resource)).id for field, resource in subjects(method).items()}
    answer = await unbound.refused(method, **ids)
    assert answer.code == StatusCode.INVALID_ARGUMENT
    assert answer.reason in REFUSED or answer.metadata["champ"]
