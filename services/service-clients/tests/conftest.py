"""Mesh and stubs of the clients service, which runs once for all tests of this folder."""

from collections.abc import AsyncIterator

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
from service_testing import Mesh
from service_testing.fixtures import mesh_of, of_member, of_stranger

mesh = mesh_of(SERVICE)
clients = of_member(ClientBaseServiceStub)
adresses = of_member(AdresseServiceStub)
entreprises = of_member(ClientEntrepriseServiceStub)
partenaires = of_member(ClientPartenaireServiceStub)
statuts = of_member(StatutClientServiceStub)
foreign_clients = of_stranger(ClientBaseServiceStub)


@pytest.fixture
async def channel(mesh: Mesh, org: str) -> AsyncIterator[grpc.aio.Channel]:
    """Channel whose calls come from a member of the organisation."""
    async with mesh.channel("clients", mesh.secrets.token(organisation=org)) as channel:
        yield channel


@pytest.fixture
async def dupont(clients: ClientBaseServiceStub) -> pb.ClientBase:
    """Client of the organisation with a phone and an email."""
    return await clients.Create(
        pb.CreateClientBaseRequest(
            nom="dupont", prenom="jean", telephone="06 12 34 56 78", email="Jean.Dupont@Example.fr"
        )
    )
