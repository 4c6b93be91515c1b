"""The gateway: once with nobody behind it, once with auth, users and organisations."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from gateway.edge import GATEWAY
from service_kit.registry import service_named
from service_kit.testing import Mesh, running
from service_kit.testing.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider
from tests.visitors import FRONT, OTHER_FRONT, MakeSomeone, SignIn, Someone, browser, made

ORIGINS: dict[str, Any] = {"frontend_origins": f"{FRONT},{OTHER_FRONT}", "trusted_proxies": "127.0.0.1"}
CALLBACK = "http://127.0.0.1:5000/api/auth/google/callback"
SERVICES = ("organisations", "users", "auth")


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


def identity(provider: OidcProvider) -> AbstractAsyncContextManager[Mesh]:
    """The identity services behind a gateway. Hashes are cheap, keys sign at once, no job runs."""
    settings: dict[str, Any] = {
        **ORIGINS,
        "bcrypt_cost": 4,
        "jwt_key_lead_s": 0,
        "google_client_id": CLIENT_ID,
        "google_client_secret": CLIENT_SECRET,
        "google_redirect_uris": CALLBACK,
        "google_discovery_url": provider.discovery_url,
        "google_timeout_s": 0.5,
        "kinde_webhook_secret": "test-secret",
        "kinde_webhook_require_timestamp": False,
    }
    services = [replace(service_named(name), workers=()) for name in SERVICES]
    return running(*services, GATEWAY, **settings)


@pytest.fixture(scope="session")
async def mesh(provider: OidcProvider) -> AsyncIterator[Mesh]:
    """The identity services behind a gateway, of which none is ever stopped."""
    async with identity(provider) as mesh:
        yield mesh


@pytest.fixture
async def fragile(provider: OidcProvider) -> AsyncIterator[Mesh]:
    """The same for one test, which may stop what it likes."""
    async with identity(provider) as mesh:
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

    async def token_of(person: Someone) -> str:
        answer = await web.post("/api/auth/login", json=person.credentials)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    return token_of
