"""The organisations service, run once for all tests of this folder."""

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
    """A mesh with the organisations service alone."""
    async with running(SERVICE) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """The id of an organisation that no other test uses, and that nobody has made yet."""
    return f"org-{next(_numbers)}"


@pytest.fixture
async def channel(mesh: Mesh, org: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel whose calls come from a member of the organisation."""
    async with mesh.channel("organisations", mesh.secrets.token(organisation=org)) as channel:
        yield channel


@pytest.fixture
def organisations(channel: grpc.aio.Channel) -> OrganisationServiceStub:
    """Organisations, as its member sees them."""
    return OrganisationServiceStub(channel)


@pytest.fixture
def societes(channel: grpc.aio.Channel) -> SocieteServiceStub:
    """Its companies."""
    return SocieteServiceStub(channel)


@pytest.fixture
def partenaires(channel: grpc.aio.Channel) -> PartenaireMarqueBlancheServiceStub:
    """Its partners."""
    return PartenaireMarqueBlancheServiceStub(channel)


@pytest.fixture
def referentiels(channel: grpc.aio.Channel) -> ReferentielServiceStub:
    """Its reference lists."""
    return ReferentielServiceStub(channel)


@pytest.fixture
def inside(mesh: Mesh) -> OrganisationServiceStub:
    """Organisations, as another service sees them."""
    return mesh.service_stub(OrganisationServiceStub, caller="organisations")


@pytest.fixture
async def martin(organisations: OrganisationServiceStub, org: str) -> pb.Organisation:
    """The organisation."""
    return await organisations.Create(pb.CreateOrganisationRequest(id=org, nom="Martin SAS"))


@pytest.fixture
def strangers(mesh: Mesh) -> OrganisationServiceStub:
    """Organisations, as a member of another one sees them."""
    return mesh.stub(OrganisationServiceStub, organisation=f"org-autre-{next(_numbers)}")
