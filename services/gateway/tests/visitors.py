"""Visitors of the gateway in tests: browsers with addresses of their own, people with accounts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import httpx
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from gateway.edge import GATEWAY
from grpc_utils import ServiceSigner
from service_kit.registry import service_named
from service_testing import Mesh, eventually, running
from service_testing.issuer import IdentityProvider
from service_testing.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider
from service_testing.web import web_client
from tests.conformity import conforms

FRONT, OTHER_FRONT = "https://app.example", "http://localhost:3000"
PASSWORD = "une phrase de passe"
WEBHOOK_SECRET = "test-secret"
ORIGINS: dict[str, Any] = {"frontend_origins": f"{FRONT},{OTHER_FRONT}", "trusted_proxies": "127.0.0.1"}
CALLBACK = "http://127.0.0.1:5000/api/auth/google/callback"
_numbers = count(1)


def new_email() -> str:
    """An email address that no test has used."""
    return f"personne-{next(_numbers)}@exemple.fr"


def browser(mesh: Mesh) -> httpx.AsyncClient:
    """A browser with an address of its own, as a trusted proxy tells it."""
    number = next(_numbers)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return web_client(
        base_url=f"http://{mesh.address('gateway')}",
        headers={"x-forwarded-for": address},
        event_hooks={"response": [conforms]},
    )


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with an account."""

    id: str
    email: str
    password: str = PASSWORD

    @property
    def credentials(self) -> dict[str, str]:
        """Email and password as a sign-in sends them."""
        return {"email": self.email, "password": self.password}


MakeSomeone = Callable[..., Awaitable[Someone]]
SignIn = Callable[[Someone], Awaitable[str]]
Log = Callable[[], str]


def bearer(token: str) -> dict[str, str]:
    """Header with *token* as the proof of the caller."""
    return {"authorization": f"Bearer {token}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and reason of a problem."""
    return answer.status_code, answer.json()["error"]["code"]


async def made(mesh: Mesh, **fields: Any) -> Someone:
    """Person whose account was made in *mesh*; *fields* are those of users' Create."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    known = {"email": new_email(), "mot_de_passe": PASSWORD, "prenom": "Jeanne", "nom": "Martin"}
    answer = await people.Create(pb.CreateUtilisateurRequest(**(known | fields)))
    return Someone(answer.utilisateur.id, answer.utilisateur.email)


async def signed_in(web: httpx.AsyncClient, person: Someone) -> str:
    """Sign *person* in at *web*, and return the token."""
    answer = await web.post("/api/auth/login", json=person.credentials)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def outsider(mesh: Mesh, **claims: Any) -> tuple[str, str]:
    """Email and token of somebody whom another provider has signed in."""
    email = new_email()
    known = {"user": f"auth0|{email}", "email": email, "given_name": "Anne", "family_name": "Roy"}
    return email, mesh.secrets.token(organisation=None, **(known | claims))


def proof(
    mesh: Mesh, service: str = "organisations", *, callee: str = "gateway", name: str = ""
) -> dict[str, str]:
    """Headers of *service*, which calls itself *name* (its own when empty)."""
    token = ServiceSigner(service, mesh.secrets.keys[service].private).token(callee, None)
    return {**bearer(token), "x-service-name": name or service}


def seen(**fields: object) -> dict[str, Any]:
    """Report of a service about one person."""
    email = new_email()
    known: dict[str, object] = {
        "auth0Id": f"auth0|{email}",
        "email": email,
        "userType": "COURTIER",
        "firstName": "Anne",
        "lastName": "Roy",
        "picture": "https://exemple.fr/a.png",
        "companyId": "",
        "metadata": {"source": "test"},
    }
    return known | fields


@asynccontextmanager
async def identity(provider: OidcProvider, kinde: IdentityProvider, **changes: Any) -> AsyncIterator[Mesh]:
    """The identity services behind a gateway that is ready; *changes* are other settings.

    Hashes are cheap, keys sign at once, no job runs.
    """
    settings: dict[str, Any] = {
        **ORIGINS,
        "bcrypt_cost": 4,
        "jwt_key_lead_s": 0,
        "google_client_id": CLIENT_ID,
        "google_client_secret": CLIENT_SECRET,
        "google_redirect_uris": CALLBACK,
        "google_discovery_url": provider.discovery_url,
        "google_timeout_s": 0.5,
        "kinde_webhook_secret": WEBHOOK_SECRET,
        "kinde_webhook_require_timestamp": False,
        "kinde_issuer_url": kinde.issuer,
    }
    still = [replace(service_named(name), workers=()) for name in ("organisations", "auth")]
    services = [*still, service_named("users")]
    async with running(*services, GATEWAY, **(settings | changes)) as mesh, browser(mesh) as web:
        await eventually(partial(is_ready, web))
        yield mesh


async def is_ready(web: httpx.AsyncClient) -> bool:
    """Tell whether all services that the gateway needs answer."""
    return (await web.get("/readyz")).status_code == 200
