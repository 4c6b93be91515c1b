"""answered_or_none and failure_of: the answer, None for NOT_FOUND, or the refusal of a callee."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from grpc_utils import Failure, Peers, answered_or_none, failure_of
from grpc_utils.errors import CircuitOuvert


async def get(request: GetClientBaseRequest, context: grpc.aio.ServicerContext[Any, Any]) -> ClientBase:
    """Answer the id, or end the call with the status of which it is the name."""
    if request.id in grpc.StatusCode.__members__:
        await context.abort(grpc.StatusCode[request.id], "no")
    return ClientBase(id=request.id)


@pytest.fixture
async def clients() -> AsyncIterator[ClientBaseServiceStub]:
    """Stub of a peer whose Get is `get`."""
    handler = grpc.unary_unary_rpc_method_handler(
        get, GetClientBaseRequest.FromString, ClientBase.SerializeToString
    )
    server = grpc.aio.server()
    server.add_registered_method_handlers("clients.ClientBaseService", {"Get": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    peers = Peers({"clients": f"127.0.0.1:{port}"}, None)
    yield peers.stub(ClientBaseServiceStub)
    await peers.close()
    await server.stop(None)


async def test_an_answer_is_returned(clients: ClientBaseServiceStub) -> None:
    """The message of the callee is returned unchanged."""
    answer = await answered_or_none(clients.Get(GetClientBaseRequest(id="client-123")))
    assert answer == ClientBase(id="client-123")


async def test_not_found_is_none(clients: ClientBaseServiceStub) -> None:
    """NOT_FOUND is no error for this function."""
    assert await answered_or_none(clients.Get(GetClientBaseRequest(id="NOT_FOUND"))) is None


async def test_every_other_refusal_is_raised(clients: ClientBaseServiceStub) -> None:
    """PERMISSION_DENIED says nothing about whether the row exists."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answered_or_none(clients.Get(GetClientBaseRequest(id="PERMISSION_DENIED")))
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_failure_tells_status_and_reason(clients: ClientBaseServiceStub) -> None:
    """Of a refusal of the callee, and of one by which the caller itself gives up."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await clients.Get(GetClientBaseRequest(id="ABORTED"))
    assert failure_of(refused.value) == Failure(grpc.StatusCode.ABORTED)
    assert [str(failure_of(one)) for one in (refused.value, CircuitOuvert())] == [
        "ABORTED",
        "UNAVAILABLE CIRCUIT_OUVERT",
    ]
