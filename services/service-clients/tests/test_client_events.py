"""client.created (R18): one event for each created client, whatever else happens."""

import asyncio

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from service_clients.service import SERVICE
from service_testing import Mesh, eventually, refusal, running

CALLERS_DEADLINE = 2.0  # seconds: what other services grant a call (C14)


async def announced(mesh: Mesh, org: str, clients: ClientBaseServiceStub) -> list[ClientCreatedEvent]:
    """Events of *org* on the bus, complete because that of a later client has followed them."""
    last = await clients.Create(pb.CreateClientBaseRequest(nom="Dernier"))
    await mesh.published(ClientCreatedEvent, 1, where=lambda event: event.client_id == last.id)
    events = await mesh.published(ClientCreatedEvent, where=lambda event: event.organisation_id == org)
    return [event for event in events if event.client_id != last.id]


async def test_R18_the_event_says_who_was_created(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub
) -> None:
    """The event carries names, email and société, under the correlation id of the call."""
    request = pb.CreateClientBaseRequest(
        nom="CURIE", prenom="marie", email="Marie@Example.fr", societe_id="soc-1"
    )
    client = await clients.Create(request, metadata=(("x-correlation-id", "appel-7"),))
    (event,) = await announced(mesh, org, clients)
    expected = ClientCreatedEvent(
        event_id=event.event_id,
        timestamp=event.timestamp,
        correlation_id="appel-7",
        client_id=client.id,
        organisation_id=org,
        nom="Curie",
        prenom="Marie",
        email="marie@example.fr",
        created_at=client.created_at,
        societe_id="soc-1",
    )
    assert expected == event


async def test_R18_the_event_keeps_silent_about_the_rest(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub
) -> None:
    """The event holds neither phone nor birth date nor account code."""
    request = pb.CreateClientBaseRequest(
        nom="Curie", telephone="06 12 34 56 78", date_naissance="1967-11-07", compte_code="SECRET-1"
    )
    await clients.Create(request)
    (event,) = await announced(mesh, org, clients)
    content = event.SerializeToString()
    secrets = (b"06 12 34 56 78", b"33612345678", b"1967-11-07", b"SECRET-1")
    assert [secret for secret in secrets if secret in content] == []


async def test_R18_changes_and_deletions_are_not_announced(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """Update and Delete publish nothing."""
    await clients.Update(pb.UpdateClientBaseRequest(id=dupont.id, nom="Durand"))
    await clients.Delete(pb.DeleteClientBaseRequest(id=dupont.id))
    events = await announced(mesh, org, clients)
    assert [event.client_id for event in events] == [dupont.id]


@pytest.mark.parametrize(
    "request_",
    [
        pb.CreateClientBaseRequest(nom=""),
        pb.CreateClientBaseRequest(nom="Test", statut="PERDU"),
        pb.CreateClientBaseRequest(nom="x" * 101),
        pb.CreateClientBaseRequest(nom="dupont", telephone="0612345678"),
    ],
    ids=["invalid", "precondition", "too long", "duplicate"],
)
async def test_R18_a_refused_creation_is_not_announced(
    mesh: Mesh,
    org: str,
    clients: ClientBaseServiceStub,
    dupont: pb.ClientBase,
    request_: pb.CreateClientBaseRequest,
) -> None:
    """A creation that code or database refuses publishes nothing."""
    await refusal(clients.Create(request_))
    events = await announced(mesh, org, clients)
    assert [event.client_id for event in events] == [dupont.id]


async def test_R18_of_twenty_parallel_creations_one_is_announced(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub
) -> None:
    """The one creation that succeeds is the one that is published."""
    request = pb.CreateClientBaseRequest(nom="Durand", telephone="06 12 34 56 78")
    answers = await asyncio.gather(*(clients.Create(request) for _ in range(20)), return_exceptions=True)
    created = [answer.id for answer in answers if isinstance(answer, pb.ClientBase)]
    assert created == [event.client_id for event in await announced(mesh, org, clients)]


async def test_R18_a_repeated_call_is_announced_once(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub
) -> None:
    """Calls repeated under one idempotency key publish one event."""
    request = pb.CreateClientBaseRequest(nom="Durand")
    key = (("idempotency-key", "formulaire-7"),)
    answers = await asyncio.gather(*(clients.Create(request, metadata=key) for _ in range(5)))
    events = await announced(mesh, org, clients)
    assert [event.client_id for event in events] == list({answer.id for answer in answers})


async def test_R18_a_dead_broker_delays_the_event_only(org: str) -> None:
    """Create answers in time without a broker; each event is published once it is back."""
    async with running(SERVICE) as mesh:
        clients = mesh.stub(ClientBaseServiceStub, organisation=org)
        mesh.broker.kill()
        created = []
        for nom in ("Avant", "Après"):
            request = pb.CreateClientBaseRequest(nom=nom)
            created.append(await clients.Create(request, timeout=CALLERS_DEADLINE))
            await eventually(lambda: not mesh["clients"].bus.up)
        mesh.broker.start()
        events = await announced(mesh, org, clients)
    assert [event.client_id for event in events] == [client.id for client in created]
