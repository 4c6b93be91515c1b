"""Teams, hiding and deletions: who sees what, and what is gone for whom."""

import asyncio
from datetime import date, timedelta
from typing import Any

import grpc
import pytest
from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import AbonnementServiceStub, NotificationServiceStub
from db_utils import clock, uuid7
from service_notifications.models import Lecture, Notification
from service_notifications.rules import DateTropRecente, old_enough
from service_notifications.service import SERVICE
from service_testing import Mesh, refused
from sqlalchemy import select
from tests.suivis import NOTIFICATION, create, followed, of, stored

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def subscribe(mesh: Mesh, org: str, user: str, equipe: str, *, abonne: bool = True) -> list[str]:
    """Have *user* belong to a team, or not; his teams."""
    stub = mesh.stub(AbonnementServiceStub, organisation=org, user=user)
    answer = await stub.Set(pb.SetAbonnementRequest(equipe=equipe, abonne=abonne))
    return list(answer.equipes)


async def seen(mesh: Mesh, org: str, *users: str) -> list[list[str]]:
    """The types of what each user sees, the newest first."""
    answers = [await of(mesh, org, user).List(pb.ListNotificationsRequest()) for user in users]
    return [[one.type for one in answer.notifications] for answer in answers]


async def test_R01_the_worked_example(mesh: Mesh, org: str) -> None:
    """A team's notifications are its members', and everybody's once it has none."""
    await subscribe(mesh, org, "u1", "FINANCE")
    await subscribe(mesh, org, "u3", "COMMERCIAL")
    said: dict[str, Any] = {"event_id": str(uuid7()), "client_id": "client-123", "organisation_id": org}
    await mesh.deliver(InvoiceCreatedEvent(**said, invoice_id="facture-7", montant=1000))
    assert await seen(mesh, org, "u1", "u2", "u3") == [["NOUVELLE_FACTURE"], [], []]
    await mesh.deliver(ClientCreatedEvent(**(said | {"event_id": str(uuid7())}), nom="Dupont"))
    assert await seen(mesh, org, "u1", "u2", "u3") == [["NOUVELLE_FACTURE"], [], ["NOUVEAU_CLIENT"]]
    assert await subscribe(mesh, org, "u1", "FINANCE", abonne=False) == []
    invoice, both = ["NOUVELLE_FACTURE"], ["NOUVEAU_CLIENT", "NOUVELLE_FACTURE"]
    assert await seen(mesh, org, "u1", "u2", "u3") == [invoice, invoice, both]
    notice = await create(mesh, org)
    await of(mesh, org, "u1").MarkAsRead(pb.MarkAsReadRequest(id=notice))
    unread = [
        await of(mesh, org, user).List(pb.ListNotificationsRequest(non_lues=True)) for user in ("u2", "u3")
    ]
    assert [notice in [one.id for one in answer.notifications] for answer in unread] == [True, True]


async def test_R01_an_open_stream_follows_the_teams(mesh: Mesh, org: str) -> None:
    """A user hears of what his team is told from when he belongs to it, and no longer than he does."""
    await subscribe(mesh, org, "paul", "DIRECTION")
    team = {"destinataire_type": "EQUIPE", "destinataire_id": "DIRECTION"}
    async with followed(of(mesh, org)) as marie:
        await create(mesh, org, **team)
        everybodys = await create(mesh, org)
        assert await marie.new() == [everybodys]
        await subscribe(mesh, org, "marie", "DIRECTION")
        hers = await create(mesh, org, **team)
        assert await marie.new() == [hers]
        await subscribe(mesh, org, "marie", "DIRECTION", abonne=False)
        await create(mesh, org, **team)
        last = await create(mesh, org)
        assert await marie.new() == [last]


async def test_R01_subscriptions_are_listed_by_team(mesh: Mesh, org: str) -> None:
    """A second subscription is the first; other organisations have their own."""
    for user, equipe in (
        ("paul", "FINANCE"),
        ("marie", "FINANCE"),
        ("marie", "DIRECTION"),
        ("marie", "FINANCE"),
    ):
        teams = await subscribe(mesh, org, user, equipe)
    await subscribe(mesh, f"{org}-autre", "jean", "FINANCE")
    stub = mesh.stub(AbonnementServiceStub, organisation=org)
    listed = [
        [(one.equipe, one.utilisateur_id) for one in (await stub.List(asked)).abonnements]
        for asked in (pb.ListAbonnementsRequest(), pb.ListAbonnementsRequest(equipe="DIRECTION"))
    ]
    assert (teams, listed[1]) == (["DIRECTION", "FINANCE"], [("DIRECTION", "marie")])
    assert listed[0] == [("DIRECTION", "marie"), ("FINANCE", "marie"), ("FINANCE", "paul")]


async def test_R01_services_name_the_user_and_users_are_themselves(mesh: Mesh, org: str) -> None:
    """A user who names somebody else is refused; a service that names nobody, too."""
    service = mesh.service_stub(AbonnementServiceStub, caller="clients", organisation=org)
    asked = pb.SetAbonnementRequest(organisation_id=org, equipe="FINANCE", abonne=True, utilisateur_id="paul")
    assert (await service.Set(asked)).equipes == ["FINANCE"]
    marie = mesh.stub(AbonnementServiceStub, organisation=org, user="marie")
    answers = [
        await refused(marie.Set(asked)),
        await refused(of(mesh, org).List(pb.ListNotificationsRequest(utilisateur_id="paul"))),
        await refused(service.Set(pb.SetAbonnementRequest(organisation_id=org, equipe="FINANCE"))),
        await refused(marie.Set(pb.SetAbonnementRequest(equipe="VENTES"))),
        await refused(marie.List(pb.ListAbonnementsRequest(equipe="finance"))),
    ]
    internal = (grpc.StatusCode.PERMISSION_DENIED, "APPEL_INTERNE_SEULEMENT")
    unknown = (INVALID, "VALEUR_INCONNUE")
    assert answers == [internal, internal, (INVALID, "UTILISATEUR_REQUIS"), unknown, unknown]


async def test_R01_a_service_lists_for_the_user_whom_it_names(mesh: Mesh, org: str) -> None:
    """It sees what he sees."""
    hers = await create(mesh, org, "marie")
    await create(mesh, org, "paul")
    service = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    answer = await service.List(pb.ListNotificationsRequest(organisation_id=org, utilisateur_id="marie"))
    assert [one.id for one in answer.notifications] == [hers]


async def test_R03_what_is_hidden_is_hidden_from_one_user(mesh: Mesh, org: str) -> None:
    """Others see it, it counts for him no longer, and a second deletion finds nothing."""
    shared, marie = await create(mesh, org), of(mesh, org)
    await marie.MarkAsRead(pb.MarkAsReadRequest(id=shared))
    answers = [(await marie.Delete(pb.DeleteNotificationRequest(id=shared))).success for _ in range(2)]
    count = await marie.GetUnreadCount(pb.GetUnreadCountRequest())
    assert (answers, count.total, count.unread) == ([True, False], 0, 0)
    gone = await refused(marie.Get(pb.GetNotificationRequest(id=shared)))
    assert gone == (grpc.StatusCode.NOT_FOUND, "INTROUVABLE")
    assert await seen(mesh, org, "marie", "paul") == [[], ["INFO"]]


async def test_R03_what_is_for_one_user_alone_is_deleted_by_him(mesh: Mesh, org: str) -> None:
    """Of parallel calls one deletes; the row and its readings are gone."""
    hers, marie = await create(mesh, org, "marie"), of(mesh, org)
    await marie.MarkAsRead(pb.MarkAsReadRequest(id=hers))
    calls = (marie.Delete(pb.DeleteNotificationRequest(id=hers)) for _ in range(5))
    answers = sorted(answer.success for answer in await asyncio.gather(*calls))
    reader = mesh.database("notifications").read()
    rows = await reader.all(select(Notification.id).where(Notification.id == hers))
    rows += await reader.all(select(Lecture.notification_id).where(Lecture.notification_id == hers))
    assert (answers, rows) == ([False] * 4 + [True], [])


async def test_R03_what_somebody_else_was_told_is_not_deleted(mesh: Mesh, org: str) -> None:
    """Nor what another organisation was told, nor an id that is none."""
    ids = [await create(mesh, org, "paul"), await create(mesh, f"{org}-autre"), "x", ""]
    marie = of(mesh, org)
    answers = [(await marie.Delete(pb.DeleteNotificationRequest(id=one))).success for one in ids]
    assert (answers, await seen(mesh, org, "paul")) == ([False] * 4, [["INFO"]])


async def test_R03_all_is_hidden_that_the_caller_sees(mesh: Mesh, org: str) -> None:
    """Read or not; others keep theirs, and what comes later is seen."""
    read = await create(mesh, org)
    for user in ("", "marie", "paul"):
        await create(mesh, org, user)
    await create(mesh, f"{org}-autre")
    marie = of(mesh, org)
    await marie.MarkAsRead(pb.MarkAsReadRequest(id=read))
    answers = [await marie.DeleteAllByUser(pb.DeleteAllByUserRequest()) for _ in range(2)]
    await create(mesh, org, type="ALERTE")
    assert [answer.affected_count for answer in answers] == [3, 0]
    assert await seen(mesh, org, "marie", "paul") == [["ALERTE"], ["ALERTE", "INFO", "INFO", "INFO"]]
    assert await seen(mesh, f"{org}-autre", "marie") == [["INFO"]]


async def test_R09_each_of_several_users_is_told_once(mesh: Mesh, org: str) -> None:
    """A user who is named twice gets one notification; the answer counts the rows."""
    service = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    ids = ["marie", "paul", "marie"]
    request = pb.NotifyOrganisationRequest(organisation_id=org, utilisateur_ids=ids, **NOTIFICATION)
    async with followed(of(mesh, org)) as suivi:
        assert (await service.NotifyOrganisation(request)).affected_count == 2
        assert (await suivi.event()).notification.destinataire_id == "marie"
    assert await seen(mesh, org, "marie", "paul", "jean") == [["INFO"], ["INFO"], []]


async def test_R09_without_users_the_organisation_is_told(mesh: Mesh, org: str) -> None:
    """By one notification."""
    answer = await of(mesh, org).NotifyOrganisation(pb.NotifyOrganisationRequest(**NOTIFICATION))
    assert (answer.affected_count, await seen(mesh, org, "marie", "paul")) == (1, [["INFO"], ["INFO"]])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"utilisateur_ids": ["a"] * 101}, "TROP_D_ENTREES"),
        ({"utilisateur_ids": ["a", "b c"]}, "FORMAT_INVALIDE"),
        ({"utilisateur_ids": [""]}, "CHAMP_REQUIS"),
        ({"titre": "x" * 256}, "TROP_LONG"),
        ({"type": "SYSTEME"}, "TYPE_RESERVE"),
        ({"lien_url": "//evil"}, "FORMAT_INVALIDE"),
    ],
)
async def test_R09_what_is_refused_is_refused_as_a_whole(
    mesh: Mesh, org: str, fields: dict[str, Any], reason: str
) -> None:
    """Nobody is told."""
    request = pb.NotifyOrganisationRequest(**{**NOTIFICATION, **fields})
    assert (await refused(of(mesh, org).NotifyOrganisation(request)))[1] == reason
    assert await seen(mesh, org, "marie") == [[]]


async def test_R15_what_is_older_than_a_day_is_deleted_for_everybody(mesh: Mesh, org: str) -> None:
    """The day itself stays, and so does another organisation."""
    day = clock.today() - timedelta(days=40)
    before = clock.midnight(day) - timedelta(seconds=1)
    for organisation, at in ((org, before), (org, clock.midnight(day)), (f"{org}-autre", before)):
        await stored(mesh, organisation, created_at=at)
    service = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    answer = await service.DeleteOlderThan(pb.DeleteOlderThanRequest(organisation_id=org, date=f"{day}"))
    assert (answer.affected_count, await seen(mesh, org, "marie")) == (1, [["INFO"]])
    assert await seen(mesh, f"{org}-autre", "marie") == [["INFO"]]


async def test_R15_users_and_days_that_are_none_are_refused(mesh: Mesh, org: str) -> None:
    """Only services delete for everybody."""
    user, service = (
        of(mesh, org),
        mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org),
    )
    answers = [
        (await refused(stub.DeleteOlderThan(pb.DeleteOlderThanRequest(organisation_id=org, date=day))))[1]
        for stub, day in ((user, "2020-01-01"), (service, "2026-02-30"), (service, ""))
    ]
    assert answers == ["APPEL_INTERNE_SEULEMENT", "DATE_INVALIDE", "CHAMP_REQUIS"]


def test_R15_thirty_days_are_kept() -> None:
    """The day 30 days ago may be named, the next one not."""
    today = date(2026, 3, 31)
    assert old_enough("2026-03-01", today) == date(2026, 3, 1)
    with pytest.raises(DateTropRecente):
        old_enough("2026-03-02", today)


async def test_R15_the_job_deletes_what_is_180_days_old(mesh: Mesh, org: str) -> None:
    """Of all organisations."""
    for days in (179, 181):
        await stored(mesh, org, created_at=clock.now() - timedelta(days=days))
    (job,) = [worker for worker in SERVICE.workers if worker.name == "purge"]
    await job.run(mesh["notifications"].app)
    assert await seen(mesh, org, "marie") == [["INFO"]]
