"""The ends of streams, their number, and who is connected."""

import asyncio
from datetime import timedelta

import grpc
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import clock
from service_kit.registry import service_named
from service_notifications.models import Connexion
from service_notifications.service import SERVICE
from service_testing import Mesh, eventually, refused, running
from sqlalchemy import select
from tests.suivis import ONE_SECOND, Suivi, another, create, followed, of, stored

STREAM = pb.StreamNotificationsRequest()


async def rows(mesh: Mesh, org: str) -> list[Connexion]:
    """The connections of *org*."""
    of_org = select(Connexion).where(Connexion.organisation_id == org)
    return await mesh.database("notifications").read().all(of_org)


async def test_R12_a_user_has_five_streams_on_an_instance(mesh: Mesh, org: str) -> None:
    """The sixth is refused, another user and another instance are not; the end of one makes room."""
    user = f"suiveur-{org}"
    streams = [Suivi(of(mesh, org, user).Stream(STREAM)) for _ in range(5)]
    for suivi in streams:
        await suivi.event()
    sixth = (grpc.StatusCode.RESOURCE_EXHAUSTED, "TROP_DE_FLUX")
    assert await refused(Suivi(of(mesh, org, user).Stream(STREAM)).event()) == sixth
    async with another(mesh) as second, followed(of(second, org, user)), followed(of(mesh, org, "paul")):
        pass
    streams[0].call.cancel()
    await eventually(lambda: _opens(mesh, org, user))


async def _opens(mesh: Mesh, org: str, user: str) -> bool:
    events, _ = await Suivi(of(mesh, org, user).Stream(STREAM, timeout=0.5)).end()
    return [event.type for event in events] == ["pret"]


async def test_R12_a_reader_who_lags_is_closed(mesh: Mesh, org: str) -> None:
    """He gets what was under way, then RESOURCE_EXHAUSTED, and what waited is forgotten."""
    # By default gRPC lets a client take megabytes ahead of its reader.
    options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
    token = [("authorization", f"Bearer {mesh.secrets.token(organisation=org)}")]
    async with (
        grpc.aio.insecure_channel(mesh.address("notifications"), options=options) as channel,
        followed(of(mesh, org, "paul")) as quick,
    ):
        suivi = Suivi(NotificationServiceStub(channel).Stream(STREAM, metadata=token))
        await suivi.event()
        for _ in range(7):
            await stored(mesh, org, 100, message="x" * 2000)
            assert len(await quick.new(100)) == 100
        events, code = await suivi.end()
    assert (code, len(events) < 700) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


async def test_R13_a_stream_ends_with_its_token(mesh: Mesh, org: str) -> None:
    """UNAUTHENTICATED, when it expires."""
    marie = of(mesh, org, lifetime=2)
    async with followed(marie) as suivi, asyncio.timeout(10):
        assert await suivi.end() == ([], grpc.StatusCode.UNAUTHENTICATED)


async def test_R13_a_service_that_stops_sends_its_readers_away(mesh: Mesh, org: str) -> None:
    """UNAVAILABLE at once; the next instance sends what was missed meanwhile."""
    first = await create(mesh, org)
    async with another(mesh, shutdown_grace_s=30.0) as second:
        suivi = Suivi(of(second, org).Stream(STREAM))
        await suivi.event()
        async with asyncio.timeout(10), second.without("notifications"):
            assert await suivi.end() == ([], grpc.StatusCode.UNAVAILABLE)
    missed = await create(mesh, org)
    async with followed(of(mesh, org), depuis_id=first) as again:
        assert await again.new() == [missed]


async def test_R14_users_with_streams_are_connected(mesh: Mesh, org: str) -> None:
    """Each counts once, whatever the instance, until his last stream ends."""
    marie = of(mesh, org)

    async def connected() -> tuple[int, list[bool]]:
        count = await marie.GetConnectedUsersCount(pb.GetConnectedUsersCountRequest())
        asked = [pb.IsUserConnectedRequest(utilisateur_id=user) for user in ("marie", "paul", "jean")]
        return count.count, [(await marie.IsUserConnected(one)).connected for one in asked]

    async with another(mesh) as second:
        async with followed(marie), followed(of(second, org)), followed(of(second, org, "paul")):
            assert await connected() == (2, [True, True, False])
            assert await of_other(mesh, org) == 0
        assert await eventually(lambda: _nobody(mesh, org))
    assert await connected() == (0, [False] * 3)


async def of_other(mesh: Mesh, org: str) -> int:
    """The connected users of another organisation."""
    stub = of(mesh, f"{org}-autre")
    return (await stub.GetConnectedUsersCount(pb.GetConnectedUsersCountRequest())).count


async def _nobody(mesh: Mesh, org: str) -> bool:
    return not await rows(mesh, org)


async def test_R14_a_connection_that_is_not_prolonged_is_void_after_a_minute(mesh: Mesh, org: str) -> None:
    """As that of an instance that has vanished."""
    marie = of(mesh, org)
    async with followed(marie):
        (row,) = await rows(mesh, org)
        assert timedelta(seconds=50) < row.expire_le - clock.now() <= timedelta(seconds=60)
        with clock.frozen_at(row.expire_le):
            count = (await marie.GetConnectedUsersCount(pb.GetConnectedUsersCountRequest())).count
    assert count == 0


async def test_R14_heartbeats_prolong_a_connection(mesh: Mesh, org: str) -> None:
    """By a minute from then."""
    async with another(mesh, stream_heartbeat_s=0.05) as second, followed(of(second, org)) as suivi:
        (before,) = await rows(mesh, org)
        assert (await suivi.event()).type == "heartbeat"
        (after,) = await rows(mesh, org)
    assert after.expire_le > before.expire_le


async def test_R11_without_a_broker_streams_are_served_by_polling() -> None:
    """Also what happened on the other instance; nothing comes twice when the broker is back."""
    async with (
        running(service_named("clients"), SERVICE) as mesh,
        another(mesh) as second,
        followed(of(second, "org-1")) as suivi,
    ):
        buses = mesh["notifications"].bus, second["notifications"].bus
        mesh.broker.kill()
        await eventually(lambda: not any(bus.up for bus in buses))
        away = await create(mesh, "org-1")
        assert await suivi.new(within=3.5) == [away]
        mesh.broker.start()
        await eventually(lambda: all(bus.up for bus in buses))
        ids = [await create(mesh, "org-1") for _ in range(3)]
        assert await suivi.new(3) == ids


async def test_R11_nobody_waits_for_the_broker() -> None:
    """Create is answered while the broker is away."""
    async with running(service_named("clients"), SERVICE) as mesh:
        mesh.broker.kill()
        async with asyncio.timeout(ONE_SECOND):
            assert await create(mesh, "org-1")


async def test_C05_a_stream_without_a_token_is_refused(mesh: Mesh) -> None:
    """UNAUTHENTICATED, before anything is sent."""
    stub = NotificationServiceStub(mesh.channel("notifications"))
    assert (await refused(Suivi(stub.Stream(STREAM)).event()))[0] == grpc.StatusCode.UNAUTHENTICATED
