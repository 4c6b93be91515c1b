"""auth with users and email, and a provider double, run once for all tests of this folder.

The jobs of auth and email do not run by themselves: tests call them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub, TokenServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from service_auth.service import SERVICE
from service_auth.settings import AuthSettings
from service_email.service import SERVICE as EMAIL
from service_kit import App
from service_kit.testing import Mesh, running
from service_kit.testing.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider
from service_users.service import SERVICE as USERS

PASSWORD = "une phrase de passe"
CALLBACK = "http://127.0.0.1:5000/api/auth/google/callback"
OTHER_CALLBACK = "http://localhost:5000/api/auth/google/callback"
_numbers = count(1)


def new_email() -> str:
    """An address that was never given before."""
    return f"personne-{next(_numbers)}@exemple.fr"


def new_ip() -> str:
    """An address of a machine that was never seen before (RFC 5737 and 1918)."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def settings(provider: OidcProvider) -> dict[str, Any]:
    """Cheap hashes, keys that sign at once, and the provider in the place of Google."""
    return {
        "bcrypt_cost": 4,
        "jwt_key_lead_s": 0,
        "google_client_id": CLIENT_ID,
        "google_client_secret": CLIENT_SECRET,
        "google_redirect_uris": f"{CALLBACK}, {OTHER_CALLBACK}",
        "google_discovery_url": provider.discovery_url,
        "google_timeout_s": 0.5,
    }


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[OidcProvider]:
    """The identity provider that the mesh signs people in at."""
    async with oidc_provider((CALLBACK, OTHER_CALLBACK)) as provider:
        yield provider


@pytest.fixture(scope="session")
async def mesh(provider: OidcProvider) -> AsyncIterator[Mesh]:
    """A mesh with auth, users and email."""
    still = (replace(SERVICE, workers=()), USERS, replace(EMAIL, workers=()))
    async with running(*still, **settings(provider)) as mesh:
        yield mesh


@pytest.fixture(scope="session")
def app(mesh: Mesh) -> App[AuthSettings]:
    """The running auth service, from inside."""
    app: Any = mesh["auth"].app
    return app  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def auth(mesh: Mesh) -> AuthServiceStub:
    """Sign-ins, as the gateway asks for them."""
    return mesh.service_stub(AuthServiceStub, caller="users")


@pytest.fixture(scope="session")
def tokens(mesh: Mesh) -> TokenServiceStub:
    """Tokens and keys, as another service asks for them."""
    return mesh.service_stub(TokenServiceStub, caller="users")


@pytest.fixture(scope="session")
def security(mesh: Mesh) -> SecurityServiceStub:
    """The journal and the locks, as another service asks for them."""
    return mesh.service_stub(SecurityServiceStub, caller="users")


@pytest.fixture(scope="session")
def people(mesh: Mesh) -> UtilisateurServiceStub:
    """The accounts of users, as another service sees them."""
    return mesh.service_stub(UtilisateurServiceStub, caller="auth")


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with an account, who calls from an address of his own."""

    utilisateur: users_pb2.Utilisateur
    ip: str

    @property
    def id(self) -> str:
        """The id of the account."""
        return self.utilisateur.id

    @property
    def email(self) -> str:
        """The address of the account."""
        return self.utilisateur.email

    def login(self, password: str = PASSWORD, **changes: str) -> pb.LoginRequest:
        """What the person types."""
        typed = {"email": self.email, "mot_de_passe": password, "ip": self.ip, "user_agent": "Firefox"}
        return pb.LoginRequest(**(typed | changes))


MakeSomeone = Callable[..., Awaitable[Someone]]


@pytest.fixture
def someone(people: UtilisateurServiceStub) -> MakeSomeone:
    """Makes an account with a password; fields as in users' Create."""

    async def make(**fields: Any) -> Someone:
        known = {"email": new_email(), "mot_de_passe": PASSWORD, "prenom": "Jeanne", "nom": "Martin"}
        request = users_pb2.CreateUtilisateurRequest(**(known | fields))
        return Someone((await people.Create(request)).utilisateur, new_ip())

    return make


@pytest.fixture
async def jeanne(someone: MakeSomeone) -> Someone:
    """Somebody with a password and no organisation."""
    return await someone()


SignIn = Callable[[str], AuthServiceStub]


@pytest.fixture
def as_holder(mesh: Mesh) -> SignIn:
    """AuthService as the holder of a token of ours calls it."""
    return lambda token: AuthServiceStub(mesh.channel("auth", token))
