"""Mesh, organisation and stubs of the organisations service, which runs once for all tests here."""

from collections.abc import AsyncIterator
from itertools import count

import grpc
import pytest
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import (
    OrganisationServiceStub,
    PartenaireMarqueBlancheServiceStub,
    ReferentielServiceStub,
    SocieteServiceStub,
)
from service_organisations.service import SERVICE
from service_testing import Mesh, running

_numbers = count(1)


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Mesh with the organisations service alone."""
    async with running(SERVICE) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """Id of an organisation that no other test uses and that has not been created."""
    return f"org-{next(_numbers)}"


@pytest.fixture
async def channel(mesh: Mesh, org: str) -> AsyncIterator[grpc.aio.Channel]:
    """Channel whose calls come from a member of the organisation."""
    async with mesh.channel("organisations", mesh.secrets.token(organisation=org)) as channel:
        yield channel


@pytest.fixture
def organisations(channel: grpc.aio.Channel) -> OrganisationServiceStub:
    """Organisations, as a member of the organisation sees them."""
    return OrganisationServiceStub(channel)


@pytest.fixture
def societes(channel: grpc.aio.Channel) -> SocieteServiceStub:
    """Companies, as a member of the organisation sees them."""
    return SocieteServiceStub(channel)


@pytest.fixture
def partenaires(channel: grpc.aio.Channel) -> PartenaireMarqueBlancheServiceStub:
    """Partners, as a member of the organisation sees them."""
    return PartenaireMarqueBlancheServiceStub(channel)


@pytest.fixture
def referentiels(channel: grpc.aio.Channel) -> ReferentielServiceStub:
    """Reference lists, as a member of the organisation sees them."""
    return ReferentielServiceStub(channel)


@pytest.fixture
def inside(mesh: Mesh) -> OrganisationServiceStub:
    """Organisations, as another service sees them."""
    return mesh.service_stub(OrganisationServiceStub, caller="organisations")


@pytest.fixture
async def martin(organisations: OrganisationServiceStub, org: str) -> pb.Organisation:
    """Organisation of the test, created."""
    return await organisations.Create(pb.CreateOrganisationRequest(id=org, nom="Martin SAS"))


@pytest.fixture
def strangers(mesh: Mesh) -> OrganisationServiceStub:
    """Organisations, as a member of another one sees them."""
    return mesh.stub(OrganisationServiceStub, organisation=f"org-autre-{next(_numbers)}")
