"""Server: handlers and ports that it refuses, limits of a request, and how it stops."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceServicer, DashboardKpisServiceStub
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2_grpc import HealthServicer
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionServicer
from grpc_utils import Address, Authenticator, Context, Guards, Peers, PortTaken, Server, Tenancy
from grpc_utils.server import UnsupportedHandler
from service_testing import code_of, eventually, refusal

OPEN = Guards(Authenticator(None), Tenancy(), None)


class Kpis(DashboardKpisServiceServicer):
    """Servicer whose calls are answered once `may_answer` is set."""

    def __init__(self) -> None:
        self.entered, self.may_answer = 0, asyncio.Event()

    async def GetKpis(self, request: pb.DashboardFilters, context: Context) -> pb.GetKpisResponse:
        """Answer when permitted."""
        self.entered += 1
        await self.may_answer.wait()
        return pb.GetKpisResponse()

    async def GetTresorerie(self, request: pb.DashboardFilters, context: Context) -> pb.GetTresorerieResponse:
        """Answer nothing: no test asks."""
        return pb.GetTresorerieResponse()


async def alive() -> None:
    """Return at once: the service is always well."""


def server_of(servicer: object, *, reflect: bool = False) -> Server:
    """A server of *servicer* without authentication."""
    return Server("dashboard", [servicer], OPEN, alive=alive, reflect=reflect)


@asynccontextmanager
async def serving(
    servicer: object, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[Server, int]]:
    """A running server of *servicer*, and its port."""
    server = server_of(servicer)
    try:
        yield server, await server.start(Address(host, port))
    finally:
        await server.stop(0)


def synchronous(self: object, request: object, context: object) -> None:
    """A handler that gRPC would run in a thread."""


async def streaming(self: object, request: object, context: object) -> AsyncIterator[object]:
    """A handler that answers a stream where the contract has one answer."""
    yield request


async def unary(self: object, request: object, context: object) -> None:
    """A handler that answers once, also where the contract has a stream."""


def servicer(base: type, **handlers: object) -> object:
    """An instance of a class below *base* with these handlers."""
    return type("Servicer", (base,), handlers)()


UNSUPPORTED: dict[str, object] = {
    "synchronous": servicer(DashboardKpisServiceServicer, GetKpis=synchronous, GetTresorerie=unary),
    "a stream instead of an answer": servicer(
        DashboardKpisServiceServicer, GetKpis=streaming, GetTresorerie=unary
    ),
    "an answer instead of a stream": servicer(HealthServicer, Check=unary, List=unary, Watch=unary),
    "streams in both directions": servicer(ServerReflectionServicer, ServerReflectionInfo=streaming),
    "missing": servicer(DashboardKpisServiceServicer),
    "of no contract": object(),
}


@pytest.mark.parametrize("servicer", UNSUPPORTED.values(), ids=UNSUPPORTED)
async def test_a_handler_that_the_pipeline_cannot_protect_is_refused(servicer: object) -> None:
    """The server is not even made, so its author notices at the first start."""
    with pytest.raises(UnsupportedHandler):
        server_of(servicer)


async def test_two_servers_do_not_share_a_port() -> None:
    """The second server raises PortTaken, whose message names the port and the setting."""
    async with serving(Kpis()) as (_, port):
        with pytest.raises(PortTaken, match=f"port {port} .*GRPC_PORT"):
            await server_of(Kpis()).start(Address("127.0.0.1", port))


@pytest.mark.parametrize("name", ["grpc.reflection.v1", "grpc.reflection.v1alpha"])
async def test_reflection_lists_the_contracts(name: str) -> None:
    """Reflection answers without a token, under both names of the protocol."""
    server = server_of(Kpis(), reflect=True)
    port = await server.start(Address("127.0.0.1", 0))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        asking: Any = channel.stream_stream(
            f"/{name}.ServerReflection/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        call = asking(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        listed = {service.name for service in (await call.read()).list_services_response.service}
        call.cancel()
    await server.stop(0)
    assert "dashboard.DashboardKpisService" in listed


async def test_C19_a_request_above_four_mebibytes_is_refused() -> None:
    """The transport refuses it: RESOURCE_EXHAUSTED, and the handler is not entered."""
    kpis = Kpis()
    async with serving(kpis) as (_, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = DashboardKpisServiceStub(channel).GetKpis(pb.DashboardFilters(societe_id="x" * 4_200_000))
        told = await refusal(call)
    assert (told.code, kpis.entered) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 0)


async def test_a_stop_waits_for_calls_under_way_and_refuses_new_ones() -> None:
    """A call that came before the stop is answered, one that comes during it is UNAVAILABLE."""
    kpis = Kpis()
    async with serving(kpis) as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = DashboardKpisServiceStub(channel)
        under_way = stub.GetKpis(pb.DashboardFilters())
        await eventually(lambda: kpis.entered)
        stopping = asyncio.create_task(server.stop(10))
        told = await eventually(lambda: turned_away(port))
        kpis.may_answer.set()
        assert await under_way == pb.GetKpisResponse()
        await stopping
    assert (told, kpis.entered) == (grpc.StatusCode.UNAVAILABLE, 1)


async def turned_away(port: int) -> grpc.StatusCode | None:
    """The status with which a new caller is refused, None while it is let in."""
    async with grpc.aio.insecure_channel(
        f"127.0.0.1:{port}", options=(("grpc.use_local_subchannel_pool", 1),)
    ) as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            await check(b"", timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return None


async def test_a_call_that_outlasts_the_grace_is_ended() -> None:
    """A stop ends calls that are still under way after its grace."""
    kpis = Kpis()
    async with serving(kpis) as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = DashboardKpisServiceStub(channel).GetKpis(pb.DashboardFilters())
        await eventually(lambda: kpis.entered)
        await server.stop(0.05)
        assert (await refusal(call)).code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


async def test_a_stop_under_load_refuses_calls_that_it_has_not_begun() -> None:
    """Of callers who do not watch health, each gets an answer or is refused before the handler is entered."""
    kpis, ended = Kpis(), Counter[grpc.StatusCode]()
    kpis.may_answer.set()
    async with serving(kpis) as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = DashboardKpisServiceStub(channel)

        async def call_on() -> None:
            while not ended.keys() - {grpc.StatusCode.OK}:
                ended[await code_of(stub.GetKpis(pb.DashboardFilters()))] += 1

        callers = [asyncio.create_task(call_on()) for _ in range(10)]
        await eventually(lambda: kpis.entered > 50)
        await server.stop(5)
        await asyncio.gather(*callers)
    assert set(ended) - {grpc.StatusCode.OK} <= {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
    assert ended[grpc.StatusCode.OK] == kpis.entered


async def test_a_peer_that_retries_sees_no_failure_while_a_replica_stops() -> None:
    """Of two replicas under load one is stopped: all thousand calls are answered."""
    first, second = Kpis(), Kpis()
    for kpis in (first, second):
        kpis.may_answer.set()
    async with serving(first) as (server, port), serving(second, "127.0.0.2", port):
        peers = Peers({"dashboard": f"ipv4:127.0.0.1:{port},127.0.0.2:{port}"}, None)
        stub = peers.stub(DashboardKpisServiceStub)

        async def call_on() -> None:
            for _ in range(100):
                assert await stub.GetKpis(pb.DashboardFilters()) == pb.GetKpisResponse()

        callers = [asyncio.create_task(call_on()) for _ in range(10)]
        await eventually(lambda: first.entered > 50)
        await server.stop(5)
        await asyncio.gather(*callers)
        await peers.close()
    assert first.entered + second.entered >= 1000


async def test_watchers_are_told_not_serving_before_the_stop_and_do_not_delay_it() -> None:
    """A watch gets NOT_SERVING, then its end, and the stop needs nothing of its grace of 60 s."""
    async with serving(Kpis()) as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(server.stop(60))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        await asyncio.wait_for(stopping, 10)
