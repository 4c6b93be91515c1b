"""listener: the one name under which calls of unregistered methods arrive (decision 17)."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_utils import Context
from grpc_utils.listener import listener
from service_testing import refusal


class Names(grpc.aio.ServerInterceptor):
    """Interceptor that notes the name under which each call arrives."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Note the name and hand the call on."""
        self.seen.append(handler_call_details.method)
        return await continuation(handler_call_details)


async def turn_away(request: object, context: Context) -> bytes:
    """End the call as UNIMPLEMENTED."""
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Cette méthode n'existe pas.")


async def test_calls_of_unknown_methods_arrive_under_one_name_of_ours() -> None:
    """Three unknown methods arrive under one name, which is none of theirs: their paths are not read."""
    names = Names()
    server = listener(names, grpc.stream_unary_rpc_method_handler(turn_away), (), 100)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    called = ["/x/y", "/clients.ClientBaseService/List", "/grpc.health.v1.Health/Checks"]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        calls: list[Any] = [channel.unary_unary(path) for path in called]
        told = [await refusal(call(b"")) for call in calls]
    await server.stop(0)
    assert [one.code for one in told] == [grpc.StatusCode.UNIMPLEMENTED] * 3
    assert len(names.seen) == 3
    assert (len(set(names.seen)), set(names.seen) & set(called)) == (1, set())
