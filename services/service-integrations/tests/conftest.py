"""The integrations service with the providers' double, run once for all tests of this folder.

Of its jobs only the one that listens runs by itself: tests call the others.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from crm.integrations.integrations_pb2_grpc import (
    AdminServiceStub,
    AuditServiceStub,
    IntegrationServiceStub,
    TokenServiceStub,
)
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import Mesh, running
from service_testing.oauth import OauthProvider, oauth_provider
from tests.titulaires import ORIGINS, STILL, Personne, new_user


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[OauthProvider]:
    """The double of the providers."""
    async with oauth_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
async def mesh(provider: OauthProvider) -> AsyncIterator[Mesh]:
    """A mesh of the integrations service alone."""
    async with running(STILL, integrations_redirect_origins=ORIGINS, **provider.settings()) as mesh:
        yield mesh


@pytest.fixture(scope="session")
def app(mesh: Mesh) -> App[IntegrationsSettings]:
    """The running service, seen from inside."""
    app: Any = mesh["integrations"].app
    return app  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def integrations(mesh: Mesh) -> IntegrationServiceStub:
    """A stub of the service for another service, such as the gateway."""
    return mesh.service_stub(IntegrationServiceStub, caller="integrations")


@pytest.fixture(scope="session")
def tokens(mesh: Mesh) -> TokenServiceStub:
    """A stub of the tokens for another service."""
    return mesh.service_stub(TokenServiceStub, caller="integrations")


@pytest.fixture(scope="session")
def audit(mesh: Mesh) -> AuditServiceStub:
    """A stub of the audit for another service."""
    return mesh.service_stub(AuditServiceStub, caller="integrations")


@pytest.fixture(scope="session")
def admin(mesh: Mesh) -> AdminServiceStub:
    """A stub of the methods for operators."""
    return mesh.service_stub(AdminServiceStub, caller="integrations")


@pytest.fixture
def someone(mesh: Mesh, provider: OauthProvider) -> Callable[[], Personne]:
    """A maker of users who have never called before."""
    return lambda: Personne(new_user(), mesh, provider)


@pytest.fixture
def jeanne(someone: Callable[[], Personne]) -> Personne:
    """A user with nothing connected."""
    return someone()
