"""All services and edges, run together once, without jobs: rows change by calls and events alone."""

from dataclasses import replace

import pytest
from crm.organisations.organisations_pb2 import EnsureExistsRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from service_kit.registry import edges, services
from service_testing import Mesh
from service_testing.fixtures import mesh_of

from tests.conformance.resources import RESOURCES
from tests.conformance.samples import Caller

_MEMBRE = next(resource for resource in RESOURCES if resource.name == "users.Membre")
_IDLE = [replace(service, workers=()) for service in services().values()]

mesh = mesh_of(*_IDLE, *edges().values(), bcrypt_cost=4)


async def _arrived(mesh: Mesh, organisation: str) -> Caller:
    organisations = mesh.service_stub(OrganisationServiceStub, caller="auth")
    await organisations.EnsureExists(EnsureExistsRequest(id=organisation))
    caller = Caller(mesh, organisation)
    await caller.make(_MEMBRE)  # an administrator who stays: the last one of an organisation cannot change
    return caller


@pytest.fixture(scope="package")
async def ours(mesh: Mesh) -> Caller:
    """Somebody of an organisation."""
    return await _arrived(mesh, "org-conformite")


@pytest.fixture(scope="package")
async def theirs(mesh: Mesh) -> Caller:
    """Somebody of another organisation."""
    return await _arrived(mesh, "org-conformite-autre")


@pytest.fixture(scope="package")
def unbound(mesh: Mesh) -> Caller:
    """A service that names no organisation."""
    return Caller(mesh, "", is_service=True)


@pytest.fixture(scope="package")
def nobody(mesh: Mesh) -> Caller:
    """Somebody of no organisation."""
    return Caller(mesh, "")
