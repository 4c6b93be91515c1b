"""Streams: what they send, in which order, and that nothing is missed or sent twice."""

import asyncio

import grpc
import pytest
from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.notifications import notifications_pb2 as pb
from db_utils import clock, uuid7
from grpc_utils import timestamp
from service_notifications.models import Notification
from service_testing import Mesh, refusal, refused
from sqlalchemy import select
from tests.suivis import NOTIFICATION, ONE_SECOND, Suivi, another, create, followed, of, stored


async def test_R10_a_stream_begins_with_the_number_of_unread_notifications(mesh: Mesh, org: str) -> None:
    """Its first event is `pret`."""
    ids = [await create(mesh, org) for _ in range(3)]
    marie = of(mesh, org)
    await marie.MarkAsRead(pb.MarkAsReadRequest(id=ids[0]))
    first = await Suivi(marie.Stream(pb.StreamNotificationsRequest())).event()
    assert first == pb.NotificationEvent(type="pret", unread=2)


async def test_R10_a_new_notification_comes_as_Get_tells_it(mesh: Mesh, org: str) -> None:
    """It is complete, and unread."""
    marie = of(mesh, org)
    async with followed(marie) as suivi:
        identity = await create(mesh, org, "marie", lien_url="/clients/7", metadata={"client_id": "7"})
        event = await suivi.event(ONE_SECOND)
    told = await marie.Get(pb.GetNotificationRequest(id=identity))
    assert event == pb.NotificationEvent(type="notification.new", notification=told)


async def test_R10_only_those_who_see_a_notification_hear_of_it(mesh: Mesh, org: str) -> None:
    """Another user and another organisation get the next one only."""
    async with (
        followed(of(mesh, org, "marie")) as marie,
        followed(of(mesh, org, "paul")) as paul,
        followed(of(mesh, f"{org}-autre", "jean")) as jean,
    ):
        hers, everybodys = await create(mesh, org, "marie"), await create(mesh, org)
        theirs = await create(mesh, f"{org}-autre")
        heard = await marie.new(2), await paul.new(), await jean.new()
    assert heard == ([hers, everybodys], [everybodys], [theirs])


async def test_R10_what_was_missed_comes_first(mesh: Mesh, org: str) -> None:
    """After `depuis_id`, the oldest first, read ones as read; then what is new."""
    ids = [await create(mesh, org) for _ in range(4)]
    marie = of(mesh, org)
    await marie.MarkAsRead(pb.MarkAsReadRequest(id=ids[2]))
    async with followed(marie, depuis_id=ids[1]) as suivi:
        missed = [await suivi.event() for _ in range(2)]
        ids.append(await create(mesh, org))
        assert await suivi.new() == ids[4:]
    assert [(one.notification.id, one.notification.lu) for one in missed] == [(ids[2], True), (ids[3], False)]


async def test_R10_who_has_missed_too_much_is_told_to_list(mesh: Mesh, org: str) -> None:
    """The 200 oldest come, then `trop_de_retard`, and the stream goes on."""
    first = await create(mesh, org)
    await stored(mesh, org, 201)
    async with followed(of(mesh, org), depuis_id=first) as suivi:
        assert len(await suivi.new(200)) == 200
        assert (await suivi.event()).type == "trop_de_retard"
        after = await create(mesh, org)
        assert await suivi.new() == [after]


@pytest.mark.parametrize("depuis_id", ["x", "0198c5f0-0000-7000-8000-000000000000", "paul"])
async def test_R10_a_place_that_is_not_the_caller_s_is_gone(mesh: Mesh, org: str, depuis_id: str) -> None:
    """An id that is none, one that nobody has, and one of somebody else are answered alike."""
    if depuis_id == "paul":
        depuis_id = await create(mesh, org, "paul")
    async with followed(of(mesh, org), depuis_id=depuis_id) as suivi:
        assert await suivi.event() == pb.NotificationEvent(type="trop_de_retard")


async def test_R10_types_choose_new_notifications_only(mesh: Mesh, org: str) -> None:
    """Missed and live ones of other types are left out; other events come in any case."""
    first = await create(mesh, org)
    await create(mesh, org)
    alerts = [await create(mesh, org, type="ALERTE")]
    marie = of(mesh, org)
    async with followed(marie, depuis_id=first, types=["ALERTE"]) as suivi:
        await create(mesh, org)
        alerts.append(await create(mesh, org, type="ALERTE"))
        assert await suivi.new(2) == alerts
        await marie.MarkAsRead(pb.MarkAsReadRequest(id=first))
        assert await suivi.event() == pb.NotificationEvent(type="notification.read", id=first)


async def test_R10_a_type_that_does_not_exist_is_refused(mesh: Mesh, org: str) -> None:
    """The refusal names its place in the list."""
    told = await refusal(
        Suivi(of(mesh, org).Stream(pb.StreamNotificationsRequest(types=["INFO", "AUTRE"]))).event()
    )
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")
    assert told.metadata["entree"] == "types[1]"


async def test_R10_what_a_user_does_is_told_to_his_streams(mesh: Mesh, org: str) -> None:
    """Once each: the second reading and the second deletion of one notification are not told."""
    ids = [await create(mesh, org), await create(mesh, org, "marie"), await create(mesh, org)]
    marie, until = of(mesh, org), timestamp(clock.now())
    async with (
        followed(marie) as first,
        followed(of(mesh, org)) as second,
        followed(of(mesh, org, "paul")) as paul,
    ):
        for _ in range(2):
            await marie.MarkAsRead(pb.MarkAsReadRequest(id=ids[0]))
            await marie.Delete(pb.DeleteNotificationRequest(id=ids[1]))
            await marie.MarkAllAsRead(pb.MarkAllAsReadRequest(jusqu_a=until))
        await marie.DeleteAllByUser(pb.DeleteAllByUserRequest())
        last = await create(mesh, org)
        heard = [[await suivi.event() for _ in range(6)] for suivi in (first, second)]
        assert await paul.new() == [last]
    for events in heard:
        assert events[:3] == [
            pb.NotificationEvent(type="notification.read", id=ids[0]),
            pb.NotificationEvent(type="notification.deleted", id=ids[1]),
            pb.NotificationEvent(type="notification.all_read", jusqu_a=until),
        ]
        assert {(one.type, one.id) for one in events[3:5]} == {
            ("notification.deleted", ids[0]),
            ("notification.deleted", ids[2]),
        }
        assert events[5].notification.id == last


async def test_R10_hiding_very_much_is_told_by_one_word(mesh: Mesh, org: str) -> None:
    """More than 200 at once: the client lists what is left."""
    await stored(mesh, org, 201)
    marie = of(mesh, org)
    async with followed(marie) as suivi:
        answer = await marie.DeleteAllByUser(pb.DeleteAllByUserRequest())
        assert (answer.affected_count, (await suivi.event()).type) == (201, "trop_de_retard")


async def test_R10_heartbeats_come_while_nothing_happens(mesh: Mesh, org: str) -> None:
    """And while much happens: each at its time."""
    async with another(mesh, stream_heartbeat_s=0.1) as second, followed(of(second, org)) as suivi:
        assert [(await suivi.event()).type for _ in range(2)] == ["heartbeat"] * 2


async def test_R11_a_notification_reaches_streams_on_other_instances(mesh: Mesh, org: str) -> None:
    """Within a second, each once, and so do the doings of the user."""
    async with another(mesh) as second, followed(of(second, org)) as there, followed(of(mesh, org)) as here:
        for one, other in ((mesh, second), (second, mesh)):
            await create_as_user(one, org)
            there_id, here_id = await there.new(within=ONE_SECOND), await here.new(within=ONE_SECOND)
            assert there_id == here_id
            await of(other, org).MarkAsRead(pb.MarkAsReadRequest(id=here_id[0]))
            read = pb.NotificationEvent(type="notification.read", id=here_id[0])
            assert (await there.event(ONE_SECOND), await here.event(ONE_SECOND)) == (read, read)


async def create_as_user(mesh: Mesh, org: str) -> str:
    """Have a user notify the whole organisation; the id of the notification."""
    request = pb.CreateNotificationRequest(destinataire_type="ORGANISATION", **NOTIFICATION)
    return (await of(mesh, org, f"auteur-{org}").Create(request)).id


async def test_R11_what_is_not_to_be_streamed_is_only_stored(mesh: Mesh, org: str) -> None:
    """Neither live nor among what was missed."""
    first = await create(mesh, org)
    async with followed(of(mesh, org)) as suivi:
        quiet, loud = await create(mesh, org, diffuser=False), await create(mesh, org, diffuser=True)
        assert await suivi.new() == [loud]
    async with followed(of(mesh, org), depuis_id=first) as suivi:
        assert await suivi.new() == [loud]
    listed = await of(mesh, org).List(pb.ListNotificationsRequest())
    assert quiet in [one.id for one in listed.notifications]


async def test_R11_a_late_commit_is_neither_missed_nor_out_of_order(mesh: Mesh, org: str) -> None:
    """Begun first and committed last, it has the last place, live and after a reconnection."""
    marie = of(mesh, org)
    async with followed(marie) as suivi:
        async with mesh.database("notifications").transaction() as tx:
            late = Notification(organisation_id=org, destinataire_type="ORGANISATION", **NOTIFICATION)
            await tx.insert(late)
            await tx.flush()
            early = await create(mesh, org)
            assert await suivi.new() == [early]
        assert await suivi.new() == [str(late.id)]
    async with followed(marie, depuis_id=early) as again:
        assert await again.new() == [str(late.id)]


async def test_R11_nothing_is_missed_or_doubled_between_catching_up_and_living(mesh: Mesh, org: str) -> None:
    """Ten streams that begin while fifty notifications are written on two instances get the same."""
    first = await create(mesh, org)
    async with another(mesh) as second:
        writing = [
            asyncio.create_task(create_as_user(mesh if number % 2 else second, org)) for number in range(50)
        ]
        heard = await asyncio.gather(
            *(
                heard_since(mesh if number % 2 else second, org, f"user-{number}", first, 50)
                for number in range(10)
            )
        )
        written = await asyncio.gather(*writing)
    order = select(Notification).where(Notification.id != first).order_by(Notification.sequence)
    rows = await mesh.database("notifications").read().all(order.where(Notification.organisation_id == org))
    expected = [str(row.id) for row in rows]
    assert (set(expected), heard) == (set(written), [expected] * 10)


async def heard_since(mesh: Mesh, org: str, user: str, depuis_id: str, count: int) -> list[str]:
    """The ids that a stream of *user* brings."""
    async with followed(of(mesh, org, user), depuis_id=depuis_id) as suivi:
        return await suivi.new(count)


async def test_R11_a_key_that_is_used_again_streams_nothing(mesh: Mesh, org: str) -> None:
    """The second call is answered with the first notification."""
    async with followed(of(mesh, org)) as suivi:
        first = await create(mesh, org, cle_idempotence="k")
        assert await create(mesh, org, cle_idempotence="k") == first
        last = await create(mesh, org)
        assert await suivi.new(2) == [first, last]


async def test_R11_an_event_that_comes_again_is_streamed_once(mesh: Mesh, org: str) -> None:
    """Five deliveries, to whichever of two instances."""
    event = InvoiceCreatedEvent(
        event_id=str(uuid7()), invoice_id="f-7", client_id="c-7", organisation_id=org, montant=10
    )
    async with another(mesh) as second, followed(of(mesh, org)) as here, followed(of(second, org)) as there:
        await mesh.deliver(event, times=5)
        last = await create(mesh, org)
        for suivi in (here, there):
            first = await suivi.event(ONE_SECOND)
            assert first.notification.type == "NOUVELLE_FACTURE"
            assert await suivi.new() == [last]


async def test_C06_a_stream_of_another_organisation_is_refused(mesh: Mesh, org: str) -> None:
    """PERMISSION_DENIED, before anything is sent."""
    stream = of(mesh, org).Stream(pb.StreamNotificationsRequest(organisation_id="org-2"))
    assert await refused(Suivi(stream).event()) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "ORGANISATION_DIFFERENTE",
    )


async def test_R10_who_has_no_organisation_has_nothing_to_follow(mesh: Mesh) -> None:
    """INVALID_ARGUMENT instead of a stream that stays silent."""
    stream = of(mesh, None).Stream(pb.StreamNotificationsRequest())
    assert await refused(Suivi(stream).event()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "ORGANISATION_REQUISE",
    )
