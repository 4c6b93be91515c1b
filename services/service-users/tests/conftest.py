"""The users service, run once for all tests of this folder, beside organisations."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CredentialServiceStub,
    MembreServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from service_kit.registry import service_named
from service_kit.testing import Mesh, running
from service_users.service import SERVICE
from tests.personnes import COST, Seen, Someone, new_email, new_org, new_subject


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh in which tokens of issuer "crm" count as our own, and those without issuer as auth0's."""
    settings: dict[str, Any] = {"bcrypt_cost": COST, "issuer_providers": "crm=local"}
    async with running(service_named("organisations"), SERVICE, **settings) as mesh:
        yield mesh


@pytest.fixture(scope="session")
def people(mesh: Mesh) -> UtilisateurServiceStub:
    """Accounts, called by a service."""
    return mesh.service_stub(UtilisateurServiceStub, caller="organisations")


@pytest.fixture(scope="session")
def credentials(mesh: Mesh) -> CredentialServiceStub:
    """Passwords, called by a service."""
    return mesh.service_stub(CredentialServiceStub, caller="organisations")


@pytest.fixture(scope="session")
def sync(mesh: Mesh) -> SyncServiceStub:
    """Sign-ins, reported by a service."""
    return mesh.service_stub(SyncServiceStub, caller="organisations")


@pytest.fixture(scope="session")
def membres(mesh: Mesh) -> MembreServiceStub:
    """Memberships, called by a service."""
    return mesh.service_stub(MembreServiceStub, caller="organisations")


@pytest.fixture
def org() -> str:
    """An organisation that no other test uses."""
    return new_org()


@pytest.fixture
def email() -> str:
    """An address that no other test uses."""
    return new_email()


@pytest.fixture
def sujet() -> str:
    """A subject that no other test uses."""
    return new_subject()


@pytest.fixture
def seen(email: str, sujet: str) -> Seen:
    """What a service reports of one person; fields as in SyncUser."""

    def request(**fields: Any) -> pb.SyncUserRequest:
        told = {"auth0_id": sujet, "email": email, "service_name": "accounting-service"}
        return pb.SyncUserRequest(**(told | fields))

    return request


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
