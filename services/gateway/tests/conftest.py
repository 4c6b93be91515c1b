"""Gateways for the tests: one with nobody behind it, one with auth, users and organisations."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from io import BytesIO

import httpx
import pytest
from gateway.edge import GATEWAY
from grpc_utils.telemetry import log_calls_to
from service_testing import Mesh
from service_testing.fixtures import entered, mesh_of
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

alone = mesh_of(GATEWAY, **ORIGINS)  # nobody answers behind it
provider = entered(partial(oidc_provider, (CALLBACK,)))
kinde = entered(identity_provider)
oauth = entered(oauth_provider)


@pytest.fixture
async def edge(alone: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the gateway with nobody behind it."""
    async with browser(alone) as client:
        yield client


@pytest.fixture(scope="package")
async def mesh(provider: OidcProvider, kinde: IdentityProvider) -> AsyncIterator[Mesh]:
    """The identity services behind a gateway, for tests that stop none of them."""
    async with identity(provider, kinde) as mesh:
        yield mesh


@pytest.fixture
async def fragile(provider: OidcProvider, kinde: IdentityProvider) -> AsyncIterator[Mesh]:
    """The identity services behind a gateway of one test, which may stop them."""
    async with identity(provider, kinde) as mesh:
        yield mesh


@pytest.fixture
async def web(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the gateway of the mesh."""
    async with browser(mesh) as client:
        yield client


@pytest.fixture
def someone(mesh: Mesh) -> MakeSomeone:
    """Maker of accounts with a password; *fields* are those of users' Create."""
    return partial(made, mesh)


@pytest.fixture
async def jeanne(someone: MakeSomeone) -> Someone:
    """Somebody with a password and no organisation."""
    return await someone()


@pytest.fixture
def sign_in(web: httpx.AsyncClient) -> SignIn:
    """Function that signs somebody in and returns the token."""
    return partial(signed_in, web)


@pytest.fixture(scope="package")
async def connections(oauth: OauthProvider) -> AsyncIterator[Mesh]:
    """The integrations service behind a gateway, for tests that stop neither."""
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
    """Function that gives what was logged during the test, without the lines of its own client."""
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
