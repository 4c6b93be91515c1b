"""ClientBaseService, called as its users call it."""

import asyncio

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from service_kit.testing import Mesh


async def test_R01_only_nom_and_an_organisation_are_mandatory(mesh: Mesh, org: str) -> None:
    """The smallest creation gets the documented defaults."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    client = await clients.Create(pb.CreateClientBaseRequest(nom="Test", organisation_id=org))
    assert (client.nom, client.prenom, client.type_client, client.statut) == (
        "Test",
        "",
        "PARTICULIER",
        "ACTIF",
    )


async def test_twenty_parallel_creations_of_one_person_make_one(mesh: Mesh, org: str) -> None:
    """One OK, nineteen ALREADY_EXISTS that name the first one, one event."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=org)
    request = pb.CreateClientBaseRequest(nom="Durand", telephone="06 12 34 56 78")

    async def create() -> pb.ClientBase | grpc.StatusCode:
        try:
            return await clients.Create(request)
        except grpc.aio.AioRpcError as error:
            return error.code()

    answers = await asyncio.gather(*(create() for _ in range(20)))
    (created,) = [answer for answer in answers if isinstance(answer, pb.ClientBase)]
    assert answers.count(grpc.StatusCode.ALREADY_EXISTS) == 19
    events = await mesh.published(ClientCreatedEvent, 1)
    assert [event.client_id for event in events if event.organisation_id == org] == [created.id]


async def test_a_call_without_a_token_is_unauthenticated(mesh: Mesh) -> None:
    """Nothing is answered to a caller who proves nothing."""
    clients = ClientBaseServiceStub(mesh.channel("clients"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await clients.List(pb.ListClientBasesRequest())
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
