"""Notifications of the people to whom tasks are given (R17)."""

import asyncio
import logging

import pytest
from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import TacheServiceStub
from crm.notifications.notifications_pb2 import ListNotificationsRequest, Notification
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from service_testing import Mesh, eventually
from tests.requetes import new_tache


@pytest.fixture
def marie(mesh: Mesh, org: str) -> TacheServiceStub:
    """Tasks, as Marie calls them."""
    return mesh.stub(TacheServiceStub, organisation=org, user="marie")


async def told(mesh: Mesh, org: str, user: str, at_least: int = 0) -> list[Notification]:
    """The notifications of *user*, the newest first, once there are *at_least* so many."""
    stub = mesh.stub(NotificationServiceStub, organisation=org, user=user)
    found: list[Notification] = []

    async def enough() -> bool:
        found[:] = (await stub.List(ListNotificationsRequest())).notifications
        return len(found) >= at_least

    await eventually(enough)
    return found


async def everything_told(mesh: Mesh, org: str, marie: TacheServiceStub) -> None:
    """Wait until what was asked for before this has been stored: another notification was, meanwhile."""
    await marie.Create(new_tache(assigne_a="temoin"))
    await told(mesh, org, "temoin", 1)


async def test_R17_the_person_who_gets_a_task_is_told(mesh: Mesh, org: str, marie: TacheServiceStub) -> None:
    """Of its title and id, once."""
    made = await marie.Create(new_tache("Rappeler M. Dupont", assigne_a="paul"))
    (notification,) = await told(mesh, org, "paul", 1)
    expected = Notification(
        id=notification.id,
        organisation_id=org,
        destinataire_type="UTILISATEUR",
        destinataire_id="paul",
        type="TACHE_ASSIGNEE",
        niveau="info",
        titre="Tâche assignée",
        message="La tâche « Rappeler M. Dupont » vous est confiée.",
        lien_url=f"/taches/{made.id}",
        created_at=notification.created_at,
    )
    expected.metadata["tache_id"] = made.id
    assert expected == notification


async def test_R17_another_assignee_is_told(mesh: Mesh, org: str, marie: TacheServiceStub) -> None:
    """Whenever it is somebody else; saving the same one again, or nobody, tells no one."""
    made = await marie.Create(new_tache())
    for assigne_a in ("paul", "paul", "", "jeanne", "paul"):
        await marie.Update(pb.UpdateTacheRequest(id=made.id, assigne_a=assigne_a))
    await everything_told(mesh, org, marie)
    assert len(await told(mesh, org, "paul", 2)) == 2
    assert len(await told(mesh, org, "jeanne", 1)) == 1


async def test_R17_other_changes_tell_nobody(mesh: Mesh, org: str, marie: TacheServiceStub) -> None:
    """Neither of the task nor of its statut."""
    made = await marie.Create(new_tache(assigne_a="paul"))
    await marie.Update(pb.UpdateTacheRequest(id=made.id, titre="Autre", priorite="urgente"))
    await marie.MarquerEnCours(pb.MarquerEnCoursRequest(id=made.id))
    await marie.MarquerTerminee(pb.MarquerTermineeRequest(id=made.id))
    await everything_told(mesh, org, marie)
    assert len(await told(mesh, org, "paul", 1)) == 1


async def test_R17_nobody_is_told_of_what_he_gives_himself(
    mesh: Mesh, org: str, marie: TacheServiceStub
) -> None:
    """On Create and on Update."""
    await marie.Create(new_tache(assigne_a="marie"))
    made = await marie.Create(new_tache())
    await marie.Update(pb.UpdateTacheRequest(id=made.id, assigne_a="marie"))
    await everything_told(mesh, org, marie)
    assert await told(mesh, org, "marie") == []


async def test_R17_the_tasks_of_a_service_are_told(mesh: Mesh, org: str) -> None:
    """In the organisation for which it works."""
    service = mesh.service_stub(TacheServiceStub, caller="notifications", organisation=org)
    await service.Create(new_tache(assigne_a="marie"))
    assert len(await told(mesh, org, "marie", 1)) == 1


async def test_R16_R17_a_repeated_call_tells_once(mesh: Mesh, org: str, marie: TacheServiceStub) -> None:
    """Of parallel calls under one key, and later ones."""
    asked = new_tache(assigne_a="paul", cle_idempotence="k")
    await asyncio.gather(*(marie.Create(asked) for _ in range(5)))
    await marie.Create(asked)
    await everything_told(mesh, org, marie)
    assert len(await told(mesh, org, "paul", 1)) == 1


async def test_R17_a_task_is_kept_while_notifications_is_away(
    mesh: Mesh, org: str, marie: TacheServiceStub, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning is logged, and nobody is told later."""
    async with mesh.without("notifications"):
        with caplog.at_level(logging.WARNING, "grpc_utils.afterwards"):
            made = await marie.Create(new_tache(assigne_a="paul"))
            line = f"the notification of task {made.id} failed: UNAVAILABLE DEPENDANCE_INDISPONIBLE"
            await eventually(lambda: line in caplog.messages)
    assert made == await marie.Get(pb.GetTacheRequest(id=made.id))
    assert await told(mesh, org, "paul") == []
