"""Generated requests: every RPC of the service answers them or refuses them with a known code."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_testing import Mesh, code_of

ORGANISATION = "org-n-importe-quoi"
METHODS = [method for service in pb.DESCRIPTOR.services_by_name.values() for method in service.methods]
KNOWN = {
    StatusCode.OK,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.PERMISSION_DENIED,
    StatusCode.ABORTED,
}
# Values that get further into a handler than noise does.
SENSIBLE = (
    "ACTIF",
    "ENTREPRISE",
    "PRINCIPALE",
    "France",
    "75002",
    "552032534",
    "FR27552032534",
    "0612345678",
    "jean@example.fr",
    "2026-01-31",
    "created_at",
    "nom",
    "asc",
    ORGANISATION,
)


@pytest.fixture(scope="module")
async def member(mesh: Mesh) -> AsyncIterator[grpc.aio.Channel]:
    """Channel whose calls come from a member of the organisation."""
    async with mesh.channel("clients", mesh.secrets.token(organisation=ORGANISATION)) as channel:
        yield channel


@pytest.fixture(scope="module")
async def client(member: grpc.aio.Channel) -> str:
    """Id of a client that exists."""
    return (await ClientBaseServiceStub(member).Create(pb.CreateClientBaseRequest(nom="Test"))).id


def value(draw: st.DrawFn, field: FieldDescriptor, client: str) -> Any:
    """Value for *field*, often of a sensible form and often not."""
    if field.message_type is not None:
        return filled(draw, field.message_type, client)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return draw(st.booleans())
    if field.type == FieldDescriptor.TYPE_INT32:
        return draw(st.sampled_from((0, 1, 2)) | st.integers(-(2**31), 2**31 - 1))
    return draw(st.just(client) | st.sampled_from(SENSIBLE) | st.text(max_size=120))


def filled(draw: st.DrawFn, descriptor: Descriptor, client: str) -> Message:
    """Message of which any field may be missing."""
    fields = [field for field in descriptor.fields if draw(st.integers(0, 2))]
    return GetMessageClass(descriptor)(**{field.name: value(draw, field, client) for field in fields})


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
async def test_any_request_is_answered_or_refused(
    member: grpc.aio.Channel, client: str, method: MethodDescriptor, data: st.DataObject
) -> None:
    """No request is answered INTERNAL or ends the service."""
    request = data.draw(st.composite(filled)(method.input_type, client))
    call: Any = member.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
    assert await code_of(call(request.SerializeToString())) in KNOWN
