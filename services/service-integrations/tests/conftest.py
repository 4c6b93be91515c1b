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
from service_testing.fixtures import entered, of_service
from service_testing.oauth import OauthProvider, oauth_provider
from tests.titulaires import ORIGINS, STILL, Personne, new_user

provider = entered(oauth_provider)
integrations = of_service(IntegrationServiceStub, caller="integrations")
tokens = of_service(TokenServiceStub, caller="integrations")
audit = of_service(AuditServiceStub, caller="integrations")
admin = of_service(AdminServiceStub, caller="integrations")


@pytest.fixture(scope="package")
async def mesh(provider: OauthProvider) -> AsyncIterator[Mesh]:
    """A mesh of the integrations service alone."""
    async with running(STILL, integrations_redirect_origins=ORIGINS, **provider.settings()) as mesh:
        yield mesh


@pytest.fixture(scope="package")
def app(mesh: Mesh) -> App[IntegrationsSettings]:
    """The running service, seen from inside."""
    app: Any = mesh["integrations"].app
    return app  # type: ignore[no-any-return]


@pytest.fixture
def someone(mesh: Mesh, provider: OauthProvider) -> Callable[[], Personne]:
    """A maker of users who have never called before."""
    return lambda: Personne(new_user(), mesh, provider)


@pytest.fixture
def jeanne(someone: Callable[[], Personne]) -> Personne:
    """A user with nothing connected."""
    return someone()
