"""The gateway: once with nobody behind it, once with auth, users and organisations."""

from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
from gateway.edge import GATEWAY
from service_kit.testing import Mesh, running
from service_kit.testing.issuer import IdentityProvider, identity_provider
from service_kit.testing.oidc import OidcProvider, oidc_provider
from tests.visitors import CALLBACK, ORIGINS, MakeSomeone, SignIn, Someone, browser, identity, made, signed_in


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
