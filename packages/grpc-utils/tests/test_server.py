"""Server: what it refuses to serve, and how it comes to rest."""

import asyncio
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
from grpc_utils import Address, Authenticator, Context, Guards, Peers, PortTaken, Server, Tenancy
from grpc_utils.server import UnsupportedHandler
from service_testing import eventually, refusal

OPEN = Guards(Authenticator(None), Tenancy(), None)


class Kpis(DashboardKpisServiceServicer):
    """Answers when it may."""

    def __init__(self) -> None:
        self.entered, self.may_answer = 0, asyncio.Event()

    async def GetKpis(self, request: pb.DashboardFilters, context: Context) -> pb.GetKpisResponse:
        """Wait for the permission."""
        self.entered += 1
        await self.may_answer.wait()
        return pb.GetKpisResponse()


async def alive() -> None:
    """Nothing is ever missing."""


def server_of(servicer: object, *, reflect: bool = False) -> Server:
    """A server of *servicer* that lets everybody in."""
    return Server("dashboard", [servicer], OPEN, alive=alive, reflect=reflect)


@asynccontextmanager
async def serving(
    servicer: object, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[Server, int]]:
    """A server of *servicer* that runs, and its port."""
    server = server_of(servicer)
    try:
        yield server, await server.start(Address(host, port))
    finally:
        await server.stop(0)


def synchronous(self: object, request: object, context: object) -> None:
    """It would run in a thread, where nobody knows who calls."""


async def streaming(self: object, request: object, context: object) -> AsyncIterator[object]:
    """The contract says one answer."""
    yield request


async def unary(self: object, request: object, context: object) -> None:
    """The contract says a stream."""


def servicer(base: type, **handlers: object) -> object:
    """An instance of a class below *base* with these handlers."""
    return type("Servicer", (base,), handlers)()


UNSUPPORTED: dict[str, object] = {
    "synchronous": servicer(DashboardKpisServiceServicer, GetKpis=synchronous),
    "a stream instead of an answer": servicer(DashboardKpisServiceServicer, GetKpis=streaming),
    "an answer instead of a stream": servicer(HealthServicer, Check=unary, List=unary, Watch=unary),
    "missing": servicer(DashboardKpisServiceServicer),
    "of no contract": object(),
}


@pytest.mark.parametrize("servicer", UNSUPPORTED.values(), ids=UNSUPPORTED)
async def test_a_handler_that_the_pipeline_could_not_protect_stops_the_start(servicer: object) -> None:
    """Who writes it learns so at once."""
    with pytest.raises(UnsupportedHandler):
        server_of(servicer)


async def test_two_servers_do_not_share_a_port() -> None:
    """The second one is told what to do."""
    async with serving(Kpis()) as (_, port):
        with pytest.raises(PortTaken, match=f"port {port} .*GRPC_PORT"):
            await server_of(Kpis()).start(Address("127.0.0.1", port))


@pytest.mark.parametrize("name", ["grpc.reflection.v1", "grpc.reflection.v1alpha"])
async def test_reflection_lists_the_contracts(name: str) -> None:
    """Under both names of the protocol, without a token."""
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
    """Before anybody reads it."""
    kpis = Kpis()
    async with serving(kpis) as (_, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = DashboardKpisServiceStub(channel).GetKpis(pb.DashboardFilters(societe_id="x" * 4_200_000))
        told = await refusal(call)
    assert (told.code, kpis.entered) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 0)


async def test_a_call_under_way_ends_well_while_new_ones_are_turned_away() -> None:
    """The stop waits for those who came before it."""
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
    """How a new caller is refused, None while it is let in."""
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
    """A stop takes as long as it was given, no more."""
    kpis = Kpis()
    async with serving(kpis) as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = DashboardKpisServiceStub(channel).GetKpis(pb.DashboardFilters())
        await eventually(lambda: kpis.entered)
        await server.stop(0.05)
        assert (await refusal(call)).code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


async def test_a_peer_that_retries_sees_no_failure_while_a_replica_stops() -> None:
    """Two replicas, one of which is stopped under load: every call is answered."""
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


async def test_health_says_not_serving_before_the_stop_and_lets_its_watchers_go() -> None:
    """Balancers look elsewhere first; who watches does not hold the stop."""
    async with serving(Kpis()) as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(server.stop(60))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        await asyncio.wait_for(stopping, 10)
