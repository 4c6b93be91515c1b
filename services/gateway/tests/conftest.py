"""The gateway: once with nobody behind it, once with auth, users and organisations."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from io import BytesIO

import httpx
import pytest
from gateway.edge import GATEWAY
from grpc_utils.telemetry import log_calls_to
from service_testing import Mesh, running
from service_testing.issuer import IdentityProvider, identity_provider
from service_testing.oauth import Account, OauthProvider, oauth_provider
from service_testing.oidc import OidcProvider, oidc_provider
from tests.accounts import Person, connecting, somebody
from tests.visitors import (
    CALLBACK,
    ORIGINS,
    Log,
    MakeSomeone,
    SignIn,
    Someone,
    browser,
    identity,
    made,
    signed_in,
)


@pytest.fixture(scope="session")
async def alone() -> AsyncIterator[Mesh]:
    """A gateway behind which nobody answers."""
    async with running(GATEWAY, **ORIGINS) as mesh:
        yield mesh


@pytest.fixture
async def edge(alone: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at that gateway."""
    async with browser(alone) as client:
        yield client


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[OidcProvider]:
    """Who signs people in in the place of Google."""
    async with oidc_provider((CALLBACK,)) as provider:
        yield provider


@pytest.fixture(scope="session")
async def kinde() -> AsyncIterator[IdentityProvider]:
    """Who sends webhooks that are tokens."""
    async with identity_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
async def mesh(provider: OidcProvider, kinde: IdentityProvider) -> AsyncIterator[Mesh]:
    """The identity services behind a gateway, of which none is ever stopped."""
    async with identity(provider, kinde) as mesh:
        yield mesh


@pytest.fixture
async def fragile(provider: OidcProvider, kinde: IdentityProvider) -> AsyncIterator[Mesh]:
    """The same for one test, which may stop what it likes."""
    async with identity(provider, kinde) as mesh:
        yield mesh


@pytest.fixture
async def web(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the gateway of the mesh."""
    async with browser(mesh) as client:
        yield client


@pytest.fixture
def someone(mesh: Mesh) -> MakeSomeone:
    """Makes an account with a password; fields as in users' Create."""
    return partial(made, mesh)


@pytest.fixture
async def jeanne(someone: MakeSomeone) -> Someone:
    """Somebody with a password and no organisation."""
    return await someone()


@pytest.fixture
def sign_in(web: httpx.AsyncClient) -> SignIn:
    """Signs somebody in; the token."""
    return partial(signed_in, web)


@pytest.fixture(scope="session")
async def oauth() -> AsyncIterator[OauthProvider]:
    """Google, Microsoft and Instagram, as integrations knows them."""
    async with oauth_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
async def connections(oauth: OauthProvider) -> AsyncIterator[Mesh]:
    """The integrations service behind a gateway, of which none is ever stopped."""
    async with connecting(oauth) as mesh:
        yield mesh


@pytest.fixture
async def anne(connections: Mesh, oauth: OauthProvider) -> AsyncIterator[Person]:
    """Somebody who has an account of her own at each provider, and has connected none of them."""
    async with somebody(connections) as anne:
        oauth.account = Account(f"compte-{anne.id}", "Anne Roy", "anne@exemple.fr")
        yield anne


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    """All that was logged during the test, but for what its own client says."""
    stream = BytesIO()
    log_calls_to(stream)
    with caplog.at_level("DEBUG"):
        yield (
            lambda: (
                stream.getvalue().decode()
                + "\n".join(
                    record.getMessage() for record in caplog.records if not record.name.startswith("http")
                )
            )
        )
    log_calls_to(None)
