"""What holds for every Update of every service: versions, and changes of nothing (C9)."""

import asyncio
from functools import partial

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from grpc import StatusCode
from service_testing import refusal
from service_testing.refusals import read

from tests.conformance.resources import RESOURCES, Resource, named, told
from tests.conformance.samples import Caller, belongs, given

Values = tuple[str, str, str]

CHANGED = [
    resource
    for resource in RESOURCES
    if resource.create and resource.update and "version" in resource.kind.fields_by_name
]
EVERY_CHANGE = pytest.mark.parametrize("resource", CHANGED, ids=named)


def texts(resource: Resource) -> list[str]:
    """The fields that an Update may change to another text."""
    assert resource.update is not None
    fields = resource.update.descriptor.input_type.fields
    own = set(resource.kind.fields_by_name) - given(resource).keys()
    optional = [field for field in fields if field.has_presence and field.name in own]
    return [field.name for field in optional if field.type == FieldDescriptor.TYPE_STRING]


def change(resource: Resource) -> tuple[str, Values]:
    """A field of *resource* that may be changed, and values to change it to."""
    usual = texts(resource)[0], ("Autre", "Premier", "Second")
    field, values = told(resource.service, "CHANGES").get(resource.kind.name, usual)
    return field, values


@pytest.fixture
def caller(resource: Resource, ours: Caller, unbound: Caller) -> Caller:
    """Whoever may change *resource*."""
    return ours if belongs(resource) else unbound


@EVERY_CHANGE
async def test_C9_a_change_of_nothing_is_none(caller: Caller, resource: Resource) -> None:
    """Version and time of the last change stay."""
    assert resource.update is not None
    row, (field, values) = await caller.make(resource), change(resource)
    row = resource.of(await caller.call(resource.update, id=row.id, **{field: values[0]}))
    for fields in ({}, {field: values[0]}, {field: values[0], "version": row.version}):
        same = resource.of(await caller.call(resource.update, id=row.id, **fields))
        assert (same.version, same.updated_at) == (row.version, row.updated_at)


@EVERY_CHANGE
async def test_C9_a_change_counts(caller: Caller, resource: Resource) -> None:
    """The version grows by one; an Update for the former one is refused, even one that changes nothing."""
    assert resource.update is not None
    row, (field, values) = await caller.make(resource), change(resource)
    update = partial(caller.call, resource.update, id=row.id, version=row.version)
    later = resource.of(await update(**{field: values[0]}))
    assert (later.version, getattr(later, field)) == (row.version + 1, values[0])
    assert later.updated_at.ToNanoseconds() > row.updated_at.ToNanoseconds()
    for fields in ({field: values[1]}, {field: values[0]}, {}):
        stale = await refusal(update(**fields))
        assert (stale.code, stale.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")


@EVERY_CHANGE
async def test_C9_of_two_changes_of_one_version_one_wins(caller: Caller, resource: Resource) -> None:
    """The other one is refused."""
    assert resource.update is not None
    row, (field, values) = await caller.make(resource), change(resource)
    update = partial(caller.call, resource.update, id=row.id, version=row.version)
    answers = await asyncio.gather(
        *(update(**{field: value}) for value in values[:2]), return_exceptions=True
    )
    refused = [read(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert refused == ["VERSION_PERIMEE"]
