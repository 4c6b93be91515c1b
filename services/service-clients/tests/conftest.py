"""Mesh, organisation and stubs of the clients service, which runs once for all tests of this folder."""

from collections.abc import AsyncIterator
from itertools import count

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    AdresseServiceStub,
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    ClientPartenaireServiceStub,
    StatutClientServiceStub,
)
from service_clients.service import SERVICE
from service_testing import Mesh, running

_numbers = count(1)


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Mesh with the clients service alone."""
    async with running(SERVICE) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """Id of an organisation that no other test uses."""
    return f"org-clients-{next(_numbers)}"


@pytest.fixture
async def channel(mesh: Mesh, org: str) -> AsyncIterator[grpc.aio.Channel]:
    """Channel whose calls come from a member of the organisation."""
    async with mesh.channel("clients", mesh.secrets.token(organisation=org)) as channel:
        yield channel


@pytest.fixture
def clients(channel: grpc.aio.Channel) -> ClientBaseServiceStub:
    """Clients, as a member of the organisation sees them."""
    return ClientBaseServiceStub(channel)


@pytest.fixture
def adresses(channel: grpc.aio.Channel) -> AdresseServiceStub:
    """Addresses, as a member of the organisation sees them."""
    return AdresseServiceStub(channel)


@pytest.fixture
def entreprises(channel: grpc.aio.Channel) -> ClientEntrepriseServiceStub:
    """Company sheets, as a member of the organisation sees them."""
    return ClientEntrepriseServiceStub(channel)


@pytest.fixture
def partenaires(channel: grpc.aio.Channel) -> ClientPartenaireServiceStub:
    """Partner links, as a member of the organisation sees them."""
    return ClientPartenaireServiceStub(channel)


@pytest.fixture
def statuts(channel: grpc.aio.Channel) -> StatutClientServiceStub:
    """Statuses, as a member of the organisation sees them."""
    return StatutClientServiceStub(channel)


@pytest.fixture
async def dupont(clients: ClientBaseServiceStub) -> pb.ClientBase:
    """Client of the organisation with a phone and an email."""
    return await clients.Create(
        pb.CreateClientBaseRequest(
            nom="dupont", prenom="jean", telephone="06 12 34 56 78", email="Jean.Dupont@Example.fr"
        )
    )


@pytest.fixture
def foreign_clients(mesh: Mesh) -> ClientBaseServiceStub:
    """Clients, as a member of another organisation sees them."""
    return mesh.stub(ClientBaseServiceStub, organisation=f"org-autre-{next(_numbers)}")
