"""Health: the states that a service tells, and limits that keep callers from holding it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import grpc
import pytest
from crm.clients.clients_pb2 import ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_utils import Address, Authenticator, Guards, Peers, Server, Tenancy
from hyperframe.frame import SettingsFrame
from service_clients.service import SERVICE
from service_testing import Mesh, eventually, fresh_database, refusal, running
from service_testing.http2 import Http2Connection, grpc_headers, message
from service_testing.link import DatabaseLink, database_link

CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
NO_FLOW = {SettingsFrame.INITIAL_WINDOW_SIZE: 0}  # a client that takes no data
MOST_CALLS = 200


@pytest.fixture(scope="module")
async def link() -> AsyncIterator[DatabaseLink]:
    """A link to the database that can be cut or made to hang."""
    async with database_link(fresh_database(SERVICE)) as link:
        yield link


@pytest.fixture(scope="module")
async def mesh(link: DatabaseLink) -> AsyncIterator[Mesh]:
    """The clients service, whose database is behind the link."""
    async with running(SERVICE, database_url=link.url) as mesh:
        yield mesh


@pytest.fixture
def health(mesh: Mesh) -> Any:
    """Stub of its health, without a token."""
    return HealthStub(mesh.channel("clients"))


async def state(health: Any, name: str = "") -> int:
    """The state that the service tells of *name*."""
    status: int = (await health.Check(HealthCheckRequest(service=name))).status
    return status


@pytest.mark.parametrize("name", ["", "live", "clients.ClientBaseService", "clients.StatutClientService"])
async def test_C17_a_service_that_works_is_serving(health: Any, name: str) -> None:
    """The overall answer, the process (`live`) and each of its gRPC services are SERVING."""
    assert await state(health, name) == SERVING


@pytest.mark.parametrize("name", ["clients", "clients.Nothing", "LIVE", " ", "é" * 500])
async def test_the_health_of_an_unknown_service_is_not_found(health: Any, name: str) -> None:
    """The health checking protocol asks for NOT_FOUND from Check."""
    assert (await refusal(health.Check(HealthCheckRequest(service=name)))).code == grpc.StatusCode.NOT_FOUND


async def test_C17_a_service_whose_database_is_away_is_not_serving(health: Any, link: DatabaseLink) -> None:
    """It is SERVING again when the database is back; `live` is SERVING all the time."""

    async def is_serving() -> bool:
        return await state(health) == SERVING

    async def is_away() -> bool:
        return await state(health) == NOT_SERVING

    async with link.cut():
        await eventually(is_away)
        assert await state(health, "clients.ClientBaseService") == NOT_SERVING
        assert await state(health, "live") == SERVING
    await eventually(is_serving)


async def test_C17_a_service_whose_database_hangs_is_not_serving(health: Any, link: DatabaseLink) -> None:
    """A database whose connections stay open without an answer counts as away."""

    async def is_serving() -> bool:
        return await state(health) == SERVING

    async def is_away() -> bool:
        return await state(health) == NOT_SERVING

    with link.hanging():
        await eventually(is_away, timeout=20)
    await eventually(is_serving, timeout=20)


async def test_an_unknown_service_can_be_watched(health: Any) -> None:
    """Watch tells SERVICE_UNKNOWN and goes on, because the service may come later."""
    watch = health.Watch(HealthCheckRequest(service="clients.Nothing"))
    assert (await watch.read()).status == HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


async def test_a_watcher_who_does_not_read_keeps_nobody_waiting(
    mesh: Mesh, health: Any, link: DatabaseLink
) -> None:
    """A client that takes no data delays neither a change of state nor another watcher."""
    async with Http2Connection(mesh.address("clients"), NO_FLOW) as deaf:
        deaf.open(grpc_headers(WATCH))
        watch = health.Watch(HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        async with link.cut():
            assert (await watch.read()).status == NOT_SERVING
        assert (await watch.read()).status == SERVING
        watch.cancel()


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0", message(b"\xff"), message(b"\x0a\x02\xc3\x28")],
    ids=["none", "half", "noise", "text"],
)
@pytest.mark.parametrize("path", [CHECK, WATCH])
async def test_a_request_that_cannot_be_read_is_refused(mesh: Mesh, path: str, body: bytes) -> None:
    """INVALID_ARGUMENT ends the call at once, so that it no longer counts as one under way."""
    async with Http2Connection(mesh.address("clients")) as connection:
        answer = await connection.call(path, (), body)
    assert answer.status == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_a_request_that_does_not_come_is_given_up(mesh: Mesh) -> None:
    """DEADLINE_EXCEEDED ends the call after two seconds without a request."""
    async with Http2Connection(mesh.address("clients")) as connection:
        stream = connection.open(grpc_headers(CHECK), body=None)
        assert (await connection.answer(stream)).status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


@pytest.mark.parametrize(
    ("path", "code"),
    [(CHECK, grpc.StatusCode.RESOURCE_EXHAUSTED), (WATCH, grpc.StatusCode.UNIMPLEMENTED)],
)
async def test_calls_under_way_are_limited(mesh: Mesh, path: str, code: grpc.StatusCode) -> None:
    """Of clients that take no answers 200 calls are kept and more are refused; the other method goes on."""
    async with Http2Connection(mesh.address("clients"), NO_FLOW) as deaf:
        streams = [deaf.open(grpc_headers(path)) for _ in range(MOST_CALLS + 5)]
        answers = await asyncio.gather(*(deaf.answer(stream) for stream in streams[MOST_CALLS:]))
        other = CHECK if path == WATCH else WATCH
        async with Http2Connection(mesh.address("clients")) as connection:
            stream = connection.open(grpc_headers(other))
            await eventually(lambda: connection.received(stream))
    assert {answer.status for answer in answers} == {code.value[0]}

    async def is_free() -> bool:
        async with Http2Connection(mesh.address("clients")) as connection:
            return (await connection.call(CHECK)).status == 0

    await eventually(is_free)


async def test_too_many_watchers_keep_no_service_from_calling(mesh: Mesh) -> None:
    """A service whose own watch is refused makes its calls all the same."""
    peers = Peers({"clients": mesh.address("clients")}, None)
    async with Http2Connection(mesh.address("clients"), NO_FLOW) as deaf:
        streams = [deaf.open(grpc_headers(WATCH)) for _ in range(MOST_CALLS + 1)]
        await deaf.answer(streams[-1])
        told = await refusal(peers.stub(ClientBaseServiceStub).List(ListClientBasesRequest()))
    await peers.close()
    assert told.code == grpc.StatusCode.UNAUTHENTICATED  # it has no key here, but it got through


async def test_a_service_with_deaf_watchers_stops_in_time() -> None:
    """Twenty watchers that take no data do not delay the stop of a service."""
    async with AsyncExitStack() as stack, running(SERVICE, shutdown_grace_s=0.5) as mesh:
        for _ in range(20):
            deaf = await stack.enter_async_context(Http2Connection(mesh.address("clients"), NO_FLOW))
            deaf.open(grpc_headers(WATCH))
        await asyncio.wait_for(mesh["clients"].stop(), 20)


async def test_C17_a_part_has_a_state_of_its_own() -> None:
    """A part that fails is NOT_SERVING for its watchers; the overall answer stays SERVING."""
    working = [True]
    server = Server(
        "clients",
        [],
        Guards(Authenticator(None), Tenancy(), None),
        alive=partial(asyncio.sleep, 0),
        reflect=False,
        parts={"part": lambda: working[0]},
    )
    port = await server.start(Address("127.0.0.1", 0))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        health: Any = HealthStub(channel)
        states = health.Watch(HealthCheckRequest(service="part"))
        assert (await states.read()).status == SERVING
        working[0] = False
        assert (await states.read()).status == NOT_SERVING
        assert await state(health) == SERVING
    await server.stop(0)
