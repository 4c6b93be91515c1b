"""The users service, run once for all tests of this folder; organisations is away unless a test starts it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CredentialServiceStub, UtilisateurServiceStub
from service_kit.testing import Mesh, running
from service_users.service import SERVICE

PASSWORD = "une phrase de passe"
_numbers = count(1)
Someone = Callable[..., Awaitable[pb.Utilisateur]]


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh with the users service; tokens of issuer "crm" count as our own, others as auth0's."""
    async with running(SERVICE, bcrypt_cost=4, issuer_providers="crm=local") as mesh:
        yield mesh


@pytest.fixture(scope="session")
def people(mesh: Mesh) -> UtilisateurServiceStub:
    """Accounts, called by a service."""
    return mesh.service_stub(UtilisateurServiceStub, caller="users")


@pytest.fixture(scope="session")
def credentials(mesh: Mesh) -> CredentialServiceStub:
    """Passwords, called by a service."""
    return mesh.service_stub(CredentialServiceStub, caller="users")


@pytest.fixture
def org() -> str:
    """An organisation that no other test uses."""
    return f"org-users-{next(_numbers)}"


@pytest.fixture
def email() -> str:
    """An address that no other test uses."""
    return new_email()


def new_email() -> str:
    """An address that was never given before."""
    return f"personne-{next(_numbers)}@exemple.fr"


def new_subject() -> str:
    """A subject that no provider has given before."""
    return f"sujet|{next(_numbers)}"


@pytest.fixture
def someone(people: UtilisateurServiceStub) -> Someone:
    """Makes an account with an address of its own; fields as in Create."""

    async def make(**fields: Any) -> pb.Utilisateur:
        request = pb.CreateUtilisateurRequest(**({"email": new_email()} | fields))
        return (await people.Create(request)).utilisateur

    return make


@pytest.fixture
def as_user(mesh: Mesh) -> Callable[..., UtilisateurServiceStub]:
    """Accounts, called with a token of ours of a user; "" for one without membership."""

    def stub(utilisateur: pb.Utilisateur, organisation: str | None = "") -> UtilisateurServiceStub:
        return mesh.stub(UtilisateurServiceStub, user=utilisateur.id, organisation=organisation)

    return stub
