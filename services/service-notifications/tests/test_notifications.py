"""NotificationService, called as its users call it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from crm.common.common_pb2 import Pagination
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from service_notifications.models import EQUIPE, ORGANISATION, UTILISATEUR, Lecture, Notification
from service_testing import Mesh, refused
from sqlalchemy import select

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "INTROUVABLE")


async def notify(mesh: Mesh, org: str, user: str = "", **fields: Any) -> str:
    """Store a notification for *user*, or for the whole of *org*; return its id."""
    defaults = {"type": "INFO", "titre": "Titre", "message": "Message"}
    addressee = {"destinataire_type": UTILISATEUR if user else ORGANISATION, "destinataire_id": user}
    async with mesh.database("notifications").transaction() as tx:
        row = await tx.insert(Notification(organisation_id=org, **{**defaults, **addressee, **fields}))
    return str(row.id)


def of(mesh: Mesh, org: str | None, user: str = "marie") -> NotificationServiceStub:
    """A stub of the service for *user* of *org*."""
    return mesh.stub(NotificationServiceStub, organisation=org, user=user)


async def listed(stub: NotificationServiceStub, **filters: Any) -> list[str]:
    """The ids in a list's answer, in its order."""
    answer = await stub.List(pb.ListNotificationsRequest(**filters))
    return [notification.id for notification in answer.notifications]


async def test_R01_what_is_for_one_user_is_seen_by_him_alone(mesh: Mesh, org: str) -> None:
    """A list holds one's own notifications and nobody else's."""
    hers = await notify(mesh, org, user="marie")
    await notify(mesh, org, user="paul")
    assert await listed(of(mesh, org, "marie")) == [hers]


async def test_R01_what_is_for_a_team_or_the_organisation_is_seen_by_everybody_in_it(
    mesh: Mesh, org: str
) -> None:
    """Everybody sees a team's notifications while teams have no subscribers; other organisations see none."""
    everybodys = await notify(mesh, org, created_at=NOON)
    teams = await notify(
        mesh,
        org,
        destinataire_type=EQUIPE,
        destinataire_id="FINANCE",
        created_at=NOON + timedelta(seconds=1),
    )
    seen = [await listed(of(mesh, one)) for one in (org, f"{org}-other")]
    assert seen == [[teams, everybodys], []]


async def test_R02_reading_does_not_read_for_others(mesh: Mesh, org: str) -> None:
    """A notification read by two users is unread for the third in Get, List, counts and MarkAllAsRead."""
    notification = await notify(mesh, org)
    for user in ("marie", "jean"):
        assert (await of(mesh, org, user).MarkAsRead(pb.MarkAsReadRequest(id=notification))).lu
    pauls = of(mesh, org, "paul")
    alone = await pauls.Get(pb.GetNotificationRequest(id=notification))
    count = await pauls.GetUnreadCount(pb.GetUnreadCountRequest())
    assert (alone.lu, alone.HasField("lu_le"), count.total, count.unread) == (False, False, 1, 1)
    assert await listed(pauls, non_lues=True) == [notification]
    assert (await pauls.MarkAllAsRead(pb.MarkAllAsReadRequest())).affected_count == 1


async def test_R02_the_first_reading_counts(mesh: Mesh, org: str) -> None:
    """Marking again keeps the first instant, in the answer and afterwards."""
    notification = await notify(mesh, org)
    answers = []
    for later in (timedelta(), timedelta(minutes=5)):
        with frozen_at(NOON + later):
            answers.append(await of(mesh, org).MarkAsRead(pb.MarkAsReadRequest(id=notification)))
    answers.append(await of(mesh, org).Get(pb.GetNotificationRequest(id=notification)))
    (in_list,) = (await of(mesh, org).List(pb.ListNotificationsRequest())).notifications
    assert [answer.lu_le for answer in (*answers, in_list)] == [timestamp(NOON)] * 4


async def test_R02_a_hundred_parallel_readings_are_one(mesh: Mesh, org: str) -> None:
    """Parallel calls are answered with one instant, and one row tells the reading."""
    notification, stub = await notify(mesh, org), of(mesh, org)
    readings = (stub.MarkAsRead(pb.MarkAsReadRequest(id=notification)) for _ in range(100))
    times = {answer.lu_le.ToNanoseconds() for answer in await asyncio.gather(*readings)}
    reader = mesh.database("notifications").read()
    rows = await reader.all(select(Lecture).where(Lecture.notification_id == notification))
    assert (len(times), len(rows)) == (1, 1)


async def test_R01_what_another_user_was_told_does_not_exist(mesh: Mesh, org: str) -> None:
    """Get and MarkAsRead of another user's notification are NOT_FOUND and leave no reading."""
    his, stub = await notify(mesh, org, user="paul"), of(mesh, org, "marie")
    answers = [
        await refused(stub.Get(pb.GetNotificationRequest(id=his))),
        await refused(stub.MarkAsRead(pb.MarkAsReadRequest(id=his))),
    ]
    reader = mesh.database("notifications").read()
    rows = await reader.all(select(Lecture).where(Lecture.notification_id == his))
    assert (answers, rows) == ([NOT_FOUND, NOT_FOUND], [])


async def test_R01_what_another_organisation_was_told_does_not_exist(mesh: Mesh, org: str) -> None:
    """An id of another organisation and a text that is no id are answered alike."""
    theirs, stub = await notify(mesh, f"{org}-other"), of(mesh, org)
    answers = [await refused(stub.Get(pb.GetNotificationRequest(id=one))) for one in (theirs, "x", "")]
    assert answers == [NOT_FOUND] * 3


async def test_R04_all_is_read_that_was_there_and_visible(mesh: Mesh, org: str) -> None:
    """Notifications that came later or belong to others stay unread."""
    with frozen_at(NOON):
        own = await notify(mesh, org, user="marie")
        shared = await notify(mesh, org)
        later = await notify(mesh, org, created_at=NOON + timedelta(microseconds=1))
        await notify(mesh, org, user="paul")
        elsewhere = await notify(mesh, f"{org}-other")
        answer = await of(mesh, org).MarkAllAsRead(pb.MarkAllAsReadRequest(jusqu_a=timestamp(NOON)))
        again = await of(mesh, org).MarkAllAsRead(pb.MarkAllAsReadRequest(jusqu_a=timestamp(NOON)))
    assert (answer.affected_count, again.affected_count) == (2, 0)
    assert await listed(of(mesh, org), non_lues=True) == [later]
    assert set(await listed(of(mesh, org))) == {own, shared, later}
    assert await listed(of(mesh, f"{org}-other"), non_lues=True) == [elsewhere]


async def test_R04_without_an_instant_now_is_meant(mesh: Mesh, org: str) -> None:
    """A notification dated after the call stays unread."""
    with frozen_at(NOON):
        await notify(mesh, org)
        coming = await notify(mesh, org, created_at=NOON + timedelta(seconds=1))
        await of(mesh, org).MarkAllAsRead(pb.MarkAllAsReadRequest())
    assert await listed(of(mesh, org), non_lues=True) == [coming]


async def test_R05_unread_falls_by_one_with_each_reading(mesh: Mesh, org: str) -> None:
    """The total stays; a second reading of the same notification changes nothing."""
    first, second = [await notify(mesh, org), await notify(mesh, org, user="marie")]
    await notify(mesh, org, user="paul")
    counts = []
    for notification in (None, first, first, second):
        if notification is not None:
            await of(mesh, org).MarkAsRead(pb.MarkAsReadRequest(id=notification))
        answer = await of(mesh, org).GetUnreadCount(pb.GetUnreadCountRequest())
        counts.append((answer.total, answer.unread))
    assert counts == [(2, 2), (2, 1), (2, 1), (2, 0)]


async def test_a_list_is_narrowed_by_type_level_time_and_reading(mesh: Mesh, org: str) -> None:
    """Each filter leaves out the others; the bounds of time are included."""
    stub = of(mesh, org)
    alert = await notify(mesh, org, type="ALERTE", niveau="critique", created_at=NOON)
    info = await notify(mesh, org, created_at=NOON + timedelta(days=1))
    await stub.MarkAsRead(pb.MarkAsReadRequest(id=info))
    day = timestamp(NOON + timedelta(days=1))
    answers = {
        "type": await listed(stub, type="ALERTE"),
        "niveau": await listed(stub, niveau="info"),
        "du": await listed(stub, du=day),
        "au": await listed(stub, au=timestamp(NOON)),
        "non_lues": await listed(stub, non_lues=True),
    }
    assert answers == {"type": [alert], "niveau": [info], "du": [info], "au": [alert], "non_lues": [alert]}


async def test_R05_a_list_tells_how_much_is_unread_whatever_it_shows(mesh: Mesh, org: str) -> None:
    """The number of unread notifications ignores filters and pages."""
    for _ in range(3):
        await notify(mesh, org)
    request = pb.ListNotificationsRequest(type="ALERTE", pagination=Pagination(page_size=1))
    assert (await of(mesh, org).List(request)).non_lues_total == 3


async def test_pages_go_from_the_newest_to_the_oldest(mesh: Mesh, org: str) -> None:
    """Two pages hold three notifications, each once."""
    ids = [await notify(mesh, org, created_at=NOON + timedelta(hours=hour)) for hour in range(3)]
    stub, pages = of(mesh, org), []
    token = ""
    for _ in range(2):
        pagination = Pagination(page_size=2, page_token=token)
        answer = await stub.List(pb.ListNotificationsRequest(pagination=pagination))
        pages.append([notification.id for notification in answer.notifications])
        token = answer.pagination.next_page_token
    assert (pages, token) == ([[ids[2], ids[1]], [ids[0]]], "")


async def test_R19_a_filter_outside_its_list_is_refused(mesh: Mesh, org: str) -> None:
    """Types and levels are closed lists."""
    stub = of(mesh, org)
    answers = [
        await refused(stub.List(pb.ListNotificationsRequest(type="AUTRE"))),
        await refused(stub.List(pb.ListNotificationsRequest(niveau="INFO"))),
    ]
    assert answers == [(grpc.StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")] * 2


async def test_R01_a_caller_without_organisation_sees_nothing(mesh: Mesh, org: str) -> None:
    """Lists are empty, counts are zero, and marking marks nothing."""
    await notify(mesh, org)
    stub = of(mesh, None)
    count = await stub.GetUnreadCount(pb.GetUnreadCountRequest())
    marked = await stub.MarkAllAsRead(pb.MarkAllAsReadRequest())
    assert (await listed(stub), count.total, count.unread, marked.affected_count) == ([], 0, 0, 0)


async def test_R01_a_service_must_name_the_user_it_reads_for(mesh: Mesh, org: str) -> None:
    """A list and a marking without a user are refused: they are meant for persons."""
    await notify(mesh, org)
    stub = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    answers = [
        await refused(stub.List(pb.ListNotificationsRequest())),
        await refused(stub.MarkAllAsRead(pb.MarkAllAsReadRequest())),
    ]
    assert answers == [(grpc.StatusCode.INVALID_ARGUMENT, "UTILISATEUR_REQUIS")] * 2
