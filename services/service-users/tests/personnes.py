"""People of the tests: addresses and subjects that no other test uses; organisations when it is away."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from crm.organisations.organisations_pb2 import EnsureExistsRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceStub
from service_testing import Mesh
from sqlalchemy import func, select, text

COST = 5  # cost of password hashes: a low one, for speed
PASSWORD = "une phrase de passe"
SECRET, FORMER_SECRET = "test-secret", "ancien-secret"  # secrets of webhooks
Someone = Callable[..., Awaitable[pb.Utilisateur]]
Seen = Callable[..., pb.SyncUserRequest]
_numbers = count(1)


def new_email() -> str:
    """An address that was never given before."""
    return f"personne-{next(_numbers)}@exemple.fr"


def new_subject() -> str:
    """A subject that no provider has given before."""
    return f"sujet|{next(_numbers)}"


def new_org() -> str:
    """An organisation that nobody has named before."""
    return f"org-users-{next(_numbers)}"


async def change(membres: MembreServiceStub, membre: pb.Membre, **fields: Any) -> pb.Membre:
    """Update *membre* with *fields*, for its organisation (C6)."""
    request = pb.UpdateMembreRequest(id=membre.id, **fields)
    return await membres.Update(request, metadata=(("x-organisation-id", membre.organisation_id),))


@asynccontextmanager
async def without_organisations(mesh: Mesh) -> AsyncIterator[None]:
    """Stop the organisations service inside; afterwards, wait until users reaches it again."""
    async with mesh.without("organisations"):
        yield
    stub = mesh["users"].app.peers.stub(OrganisationServiceStub)
    await stub.EnsureExists(EnsureExistsRequest(id=new_org()), wait_for_ready=True, timeout=10)


async def somebody_waits(mesh: Mesh) -> bool:
    """Tell whether a session waits for another one, for a row or an advisory lock."""
    waiting = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))
    return bool(await mesh.database("users").read().one(waiting))
