"""Whom a new client is told to: the user who manages its account, else the sales team."""

import pytest
from crm.clients.clients_pb2 import CreateClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux.commerciaux_pb2 import CreateApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import uuid7
from service_notifications.models import Notification
from service_testing import Mesh, eventually
from sqlalchemy import select

TEAM = ("EQUIPE", "COMMERCIAL")


async def apporteur(mesh: Mesh, org: str, utilisateur_id: str) -> str:
    """The id of a new apporteur, who is a user or not."""
    stub = mesh.stub(ApporteurServiceStub, organisation=org)
    request = CreateApporteurRequest(nom="Martin", prenom="Paul", utilisateur_id=utilisateur_id)
    return (await stub.Create(request)).id


async def client(mesh: Mesh, org: str, commercial_id: str = "") -> str:
    """The id of a new client."""
    stub = mesh.stub(ClientBaseServiceStub, organisation=org)
    return (await stub.Create(CreateClientBaseRequest(nom="Dupont", commercial_id=commercial_id))).id


async def told(mesh: Mesh, org: str) -> tuple[str, str] | None:
    """The addressee of the newest notification of *org*."""
    of_org = select(Notification).where(Notification.organisation_id == org).order_by(Notification.id.desc())
    row = await mesh.database("notifications").read().one(of_org)
    return None if row is None else (row.destinataire_type, row.destinataire_id)


async def test_R18_the_account_manager_is_told(mesh: Mesh, org: str) -> None:
    """He alone; the way leads over his apporteur."""
    await client(mesh, org, await apporteur(mesh, org, "paul"))
    assert await eventually(lambda: told(mesh, org)) == ("UTILISATEUR", "paul")


@pytest.mark.parametrize("link", ["none", "no user", "external", "unknown"])
async def test_R18_the_team_is_told_when_a_link_is_missing(mesh: Mesh, org: str, link: str) -> None:
    """No apporteur, one who is no user, one from elsewhere, and a client that is gone."""
    if link == "unknown":
        await mesh.deliver(
            ClientCreatedEvent(event_id=str(uuid7()), client_id=str(uuid7()), organisation_id=org)
        )
    else:
        ids = {"none": "", "external": "commercial-7"}
        await client(mesh, org, ids[link] if link in ids else await apporteur(mesh, org, ""))
    assert await eventually(lambda: told(mesh, org)) == TEAM


async def test_R18_an_apporteur_of_another_organisation_is_none(mesh: Mesh, org: str) -> None:
    """His user hears nothing of it."""
    await client(mesh, org, await apporteur(mesh, f"{org}-autre", "jean"))
    assert await eventually(lambda: told(mesh, org)) == TEAM


@pytest.mark.parametrize("away", ["clients", "commerciaux"])
async def test_R18_the_team_is_told_at_once_while_the_way_is_silent(mesh: Mesh, org: str, away: str) -> None:
    """The event, which names the organisation, does not wait for the service to come back."""
    client_id = await client(mesh, org, await apporteur(mesh, org, "paul"))
    assert await eventually(lambda: told(mesh, org)) == ("UTILISATEUR", "paul")
    async with mesh.without(away):
        await mesh.deliver(
            ClientCreatedEvent(event_id=str(uuid7()), client_id=client_id, organisation_id=org)
        )
        assert await told(mesh, org) == TEAM
