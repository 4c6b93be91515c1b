"""Health: what a service says about itself, and that asking cannot hurt it."""

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
from service_clients.service import SERVICE
from service_testing import Mesh, eventually, fresh_database, refusal, running
from service_testing.http2 import Http2Connection, grpc_headers, message
from service_testing.link import DatabaseLink, database_link

CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
NO_FLOW = {4: 0}  # SETTINGS_INITIAL_WINDOW_SIZE: a client that takes no data
MOST_CALLS = 200


@pytest.fixture(scope="module")
async def link() -> AsyncIterator[DatabaseLink]:
    """The wire to the database."""
    async with database_link(fresh_database()) as link:
        yield link


@pytest.fixture(scope="module")
async def mesh(link: DatabaseLink) -> AsyncIterator[Mesh]:
    """The clients service behind that wire."""
    async with running(SERVICE, database_url=link.url) as mesh:
        yield mesh


@pytest.fixture
def health(mesh: Mesh) -> Any:
    """Its health, as anybody asks for it."""
    return HealthStub(mesh.channel("clients"))


async def state(health: Any, name: str = "") -> int:
    """What the service says of *name*."""
    status: int = (await health.Check(HealthCheckRequest(service=name))).status
    return status


@pytest.mark.parametrize("name", ["", "live", "clients.ClientBaseService", "clients.StatutClientService"])
async def test_C17_a_service_that_works_is_serving(health: Any, name: str) -> None:
    """The process, the whole and each of its contracts."""
    assert await state(health, name) == SERVING


@pytest.mark.parametrize("name", ["clients", "clients.Nothing", "LIVE", " ", "é" * 500])
async def test_a_service_that_is_not_here_is_not_found(health: Any, name: str) -> None:
    """As the protocol asks."""
    assert (await refusal(health.Check(HealthCheckRequest(service=name)))).code == grpc.StatusCode.NOT_FOUND


async def test_C17_a_service_whose_database_is_away_is_not_serving(health: Any, link: DatabaseLink) -> None:
    """Until it is back; the process itself lives all the time."""

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
    """A connection that is open and silent is no database."""

    async def is_serving() -> bool:
        return await state(health) == SERVING

    async def is_away() -> bool:
        return await state(health) == NOT_SERVING

    with link.hanging():
        await eventually(is_away, timeout=20)
    await eventually(is_serving, timeout=20)


async def test_an_unknown_service_can_be_watched(health: Any) -> None:
    """It may come one day."""
    watch = health.Watch(HealthCheckRequest(service="clients.Nothing"))
    assert (await watch.read()).status == HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


async def test_a_watcher_who_does_not_read_keeps_nobody_waiting(
    mesh: Mesh, health: Any, link: DatabaseLink
) -> None:
    """Neither a change of state nor another watcher."""
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
async def test_a_question_that_cannot_be_read_is_refused(mesh: Mesh, path: str, body: bytes) -> None:
    """At once, so that it holds no place."""
    async with Http2Connection(mesh.address("clients")) as connection:
        answer = await connection.call(path, (), body)
    assert answer.status == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_a_question_that_does_not_come_is_given_up(mesh: Mesh) -> None:
    """After two seconds."""
    async with Http2Connection(mesh.address("clients")) as connection:
        stream = connection.open(grpc_headers(CHECK), body=None)
        assert (await connection.answer(stream)).status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


@pytest.mark.parametrize(
    ("path", "code"),
    [(CHECK, grpc.StatusCode.RESOURCE_EXHAUSTED), (WATCH, grpc.StatusCode.UNIMPLEMENTED)],
)
async def test_strangers_hold_few_places(mesh: Mesh, path: str, code: grpc.StatusCode) -> None:
    """Calls that will not take their answers are limited; all others go on."""
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


async def test_a_crowd_of_watchers_keeps_no_service_from_calling(mesh: Mesh) -> None:
    """A caller that cannot watch any more calls all the same."""
    peers = Peers({"clients": mesh.address("clients")}, None)
    async with Http2Connection(mesh.address("clients"), NO_FLOW) as deaf:
        streams = [deaf.open(grpc_headers(WATCH)) for _ in range(MOST_CALLS + 1)]
        await deaf.answer(streams[-1])
        told = await refusal(peers.stub(ClientBaseServiceStub).List(ListClientBasesRequest()))
    await peers.close()
    assert told.code == grpc.StatusCode.UNAUTHENTICATED  # it has no key here, but it got through


async def test_a_service_with_deaf_watchers_stops_in_time() -> None:
    """They get no say in it."""
    async with AsyncExitStack() as stack, running(SERVICE, shutdown_grace_s=0.5) as mesh:
        for _ in range(20):
            deaf = await stack.enter_async_context(Http2Connection(mesh.address("clients"), NO_FLOW))
            deaf.open(grpc_headers(WATCH))
        await asyncio.wait_for(mesh["clients"].stop(), 20)


async def test_C17_a_part_has_a_state_of_its_own() -> None:
    """It changes nothing of the overall answer; who watches it is told."""
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
