"""A mesh of auth, users and email with a provider double, started once for all tests of this folder.

The jobs of auth and email do not run by themselves: tests call them.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub, TokenServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from gateway.edge import GATEWAY
from service_auth.service import SERVICE
from service_auth.settings import AuthSettings
from service_clients.service import SERVICE as CLIENTS
from service_email.service import SERVICE as EMAIL
from service_kit import App
from service_testing import Mesh, running
from service_testing.fixtures import entered, of_service
from service_testing.oidc import OidcProvider, browse, oidc_provider, person
from service_users.service import SERVICE as USERS
from tests.connexions import (
    CALLBACK,
    OTHER_CALLBACK,
    PASSWORD,
    AsHolder,
    MakeSomeone,
    Someone,
    new_email,
    new_ip,
    settings_with,
)
from tests.membres import Join
from tests.popups import OpenPopup, Popup

provider = entered(partial(oidc_provider, (CALLBACK, OTHER_CALLBACK)))
auth = of_service(AuthServiceStub, caller="users")
tokens = of_service(TokenServiceStub, caller="users")
security = of_service(SecurityServiceStub, caller="users")
people = of_service(UtilisateurServiceStub, caller="auth")
members = of_service(MembreServiceStub, caller="auth")


@pytest.fixture(scope="package")
async def mesh(provider: OidcProvider) -> AsyncIterator[Mesh]:
    """A mesh with auth, users and email, and with clients, which reads our keys from the gateway."""
    still = (replace(SERVICE, workers=()), USERS, replace(EMAIL, workers=()), CLIENTS, GATEWAY)
    async with running(*still, **settings_with(provider)) as mesh:
        yield mesh


@pytest.fixture(scope="package")
def app(mesh: Mesh) -> App[AuthSettings]:
    """The running auth service, from inside."""
    app: Any = mesh["auth"].app
    return app  # type: ignore[no-any-return]


@pytest.fixture
def someone(people: UtilisateurServiceStub) -> MakeSomeone:
    """Maker of accounts with a password; *fields* are those of users' Create."""

    async def make(**fields: Any) -> Someone:
        known = {"email": new_email(), "mot_de_passe": PASSWORD, "prenom": "Jeanne", "nom": "Martin"}
        request = users_pb2.CreateUtilisateurRequest(**(known | fields))
        return Someone((await people.Create(request)).utilisateur, new_ip())

    return make


@pytest.fixture
async def jeanne(someone: MakeSomeone) -> Someone:
    """Somebody with a password and no organisation."""
    return await someone()


@pytest.fixture(scope="package")
def join(members: MembreServiceStub) -> Join:
    """Function that makes somebody an active member of an organisation, in a role."""

    async def joined(somebody: Someone, organisation: str, role: str) -> users_pb2.Membre:
        return await members.Add(
            users_pb2.AddMembreRequest(organisation_id=organisation, utilisateur_id=somebody.id, role=role)
        )

    return joined


@pytest.fixture
def as_holder(mesh: Mesh) -> AsHolder:
    """AuthService as the holder of a token of ours calls it."""
    return lambda token: AuthServiceStub(mesh.channel("auth", token))


@pytest.fixture
def popup(auth: AuthServiceStub, provider: OidcProvider) -> OpenPopup:
    """Function that sends a new browser to Google, where somebody signs in."""

    async def opened(email: str = "", *, organisation: str = "", **claims: object) -> Popup:
        provider.person = person(email or new_email(), **claims)
        ip = new_ip()
        begun = await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=ip, organisation=organisation))
        return Popup(begun, await browse(begun.auth_url), ip)

    return opened
