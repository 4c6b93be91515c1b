"""The registre service, run once for all tests of this folder, and its stubs."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from crm.registre.registre_pb2_grpc import FicheServiceStub
from service_registre.service import SERVICE
from service_testing import Mesh, running

_numbers = count(1)


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Mesh with the registre service alone."""
    async with running(SERVICE) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """Id of an organisation that no other test uses."""
    return f"org-registre-{next(_numbers)}"


@pytest.fixture
def fiches(mesh: Mesh, org: str) -> FicheServiceStub:
    """Fiches, as a member of the organisation sees them."""
    return mesh.stub(FicheServiceStub, organisation=org)
