"""People who connect accounts at outside providers, for the tests of this folder."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import httpx
from gateway.edge import GATEWAY
from service_kit import Edge
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.oauth import OauthProvider
from service_testing.oidc import browse
from tests.visitors import FRONT, ORIGINS, OTHER_FRONT, bearer, browser, code

BASE = "/api/integrations"
PAGE = f"{FRONT}/parametres/integrations"
_numbers = count(1)


@asynccontextmanager
async def connecting(
    oauth: OauthProvider | None, edge: Edge = GATEWAY, **changes: Any
) -> AsyncIterator[Mesh]:
    """The integrations service with the providers of *oauth* behind the gateway *edge*.

    *changes* are other settings; no job runs.
    """
    origins = {"integrations_redirect_origins": f"{FRONT},{OTHER_FRONT}"}
    settings: dict[str, Any] = ORIGINS | origins | (oauth.settings() if oauth else {}) | changes
    service = replace(service_named("integrations"), workers=())
    async with running(service, edge, **settings) as mesh:
        yield mesh


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has signed in, at his browser."""

    web: httpx.AsyncClient
    id: str
    token: str

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request for *path* below the integrations, with the person's token."""
        return await self.web.request(method, BASE + path, headers=bearer(self.token), **more)

    async def begin(self, of: str = "google", target: str = "") -> dict[str, str]:
        """Begin to connect an account, and return the query that the browser brings back."""
        answer = await self.ask("POST", f"/{of}/connect", json={"redirectUrl": target})
        assert answer.status_code == 200, answer.text
        return await browse(answer.json()["authUrl"])

    async def connect(self, of: str = "google") -> str:
        """Connect an account, and return the address at which the browser ends."""
        return await sent_on(self.web, await self.begin(of), of)

    async def accounts(self, **query: str) -> list[dict[str, Any]]:
        """List the person's connected accounts."""
        answer = await self.ask("GET", "", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["integrations"])


async def returned(
    web: httpx.AsyncClient, back: Mapping[str, str], of: str = "google", **headers: str
) -> httpx.Response:
    """Return from the provider as any browser does: without a token."""
    return await web.get(f"{BASE}/{of}/callback", params=back, headers=headers)


async def sent_on(web: httpx.AsyncClient, back: Mapping[str, str], of: str = "google") -> str:
    """Return from the provider, and give the address at which the browser ends."""
    answer = await returned(web, back, of)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


async def told(web: httpx.AsyncClient, back: Mapping[str, str], of: str = "google") -> tuple[int, str]:
    """Return from the provider as a program, and give status and reason."""
    return code(await returned(web, back, of, accept="application/json"))


@asynccontextmanager
async def somebody(mesh: Mesh) -> AsyncIterator[Person]:
    """Somebody who has connected nothing yet."""
    user_id = f"user-{next(_numbers)}"
    async with browser(mesh) as web:
        yield Person(web, user_id, mesh.secrets.token(user=user_id))
