"""A token that was given back opens nothing any more, in whatever process: soon, and when the bucket is lost.

Every service and every edge that is installed is a cell of the table (C5).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import nats
import pytest
from crm.auth import auth_pb2 as auth
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.users.users_pb2 import CreateUtilisateurRequest
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nats_utils.events import REVOCATIONS_STREAM
from service_kit import READINESS
from service_kit.registry import edges, services
from service_kit.revocations import HEALTH
from service_testing import Mesh, code_of, eventually
from service_testing.web import web_client

KNOWN = 20.0  # seconds, twice the pause between two forced fetches of keys
SOON, LOST = 2.0, 5.0  # seconds until everybody knows, and until everybody has noticed a loss (C5)
NOWHERE = "/nowhere/Nothing"  # a service tells only a proven caller that this does not exist
PERSON: dict[str, Any] = {"email": "ada@exemple.fr", "mot_de_passe": "une phrase de passe"}

Refuses = Callable[[], Awaitable[bool]]


@pytest.fixture(scope="module")
async def whole(mesh: Mesh) -> Mesh:
    """The mesh, with a person who has an account."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Create(CreateUtilisateurRequest(nom="Lovelace", prenom="Ada", **PERSON))
    return mesh


async def signed_in(mesh: Mesh) -> str:
    """A token of the person."""
    gate = mesh.service_stub(AuthServiceStub, caller="gateway")
    return str((await gate.Login(auth.LoginRequest(**PERSON, ip="10.0.0.1"))).token)


async def leave(mesh: Mesh, token: str) -> None:
    """Give *token* back."""
    await AuthServiceStub(mesh.channel("auth", token)).Logout(auth.LogoutRequest())


def table(mesh: Mesh, token: str) -> dict[str, Refuses]:
    """How to see, by process, whether *token* is refused there."""
    cells = {name: at_service(mesh, name, token) for name in services()}
    return cells | {name: at_edge(mesh, name, token) for name in edges()}


def at_service(mesh: Mesh, name: str, token: str) -> Refuses:
    """See it at service *name*."""
    call: Any = mesh.channel(name, token).unary_unary(NOWHERE)

    async def refuses() -> bool:
        code = await code_of(call(b""))
        assert code in (StatusCode.UNAUTHENTICATED, StatusCode.UNIMPLEMENTED)
        return code == StatusCode.UNAUTHENTICATED

    return refuses


def at_edge(mesh: Mesh, name: str, token: str) -> Refuses:
    """See it at edge *name*."""

    async def refuses() -> bool:
        async with web_client(base_url=f"http://{mesh.address(name)}") as client:
            answer = await client.get("/api/profile", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 401)
        return answer.status_code == 401

    return refuses


async def who_refuses(cells: dict[str, Refuses], within: float) -> set[str]:
    """The processes that come to refuse the token within so many seconds."""

    async def comes_to_refuse(refuses: Refuses) -> bool:
        try:
            return bool(await eventually(refuses, timeout=within))
        except AssertionError:
            return False

    told = await asyncio.gather(*map(comes_to_refuse, cells.values()))
    return {name for name, refused in zip(cells, told, strict=True) if refused}


async def open_everywhere(cells: dict[str, Refuses]) -> None:
    """Wait until no process refuses the token: a key seconds old is fetched within ten (docs/auth.md)."""

    async def nobody_refuses() -> bool:
        return not await who_refuses(cells, 0)

    await eventually(nobody_refuses, timeout=KNOWN)


async def lose_bucket(mesh: Mesh) -> None:
    """`nats stream rm -f KV_CRM_REVOCATIONS`."""
    client = await nats.connect(mesh.broker.url)
    await client.jetstream().delete_stream(REVOCATIONS_STREAM)
    await client.close()


async def test_C5_a_token_given_back_is_refused_everywhere_at_once(whole: Mesh) -> None:
    """Within two seconds; before that it opened every process."""
    token = await signed_in(whole)
    cells = table(whole, token)
    await open_everywhere(cells)
    await leave(whole, token)
    assert await who_refuses(cells, SOON) == set(cells)


async def test_C5_the_loss_of_the_bucket_costs_five_seconds_at_most(whole: Mesh) -> None:
    """Nobody is restarted; afterwards the two seconds hold again, in the bucket made anew."""
    first, second = await signed_in(whole), await signed_in(whole)
    cells = table(whole, first)
    await open_everywhere(cells)
    await lose_bucket(whole)
    await leave(whole, first)
    assert await who_refuses(cells, LOST + SOON) == set(cells)
    await leave(whole, second)
    cells = table(whole, second)
    assert await who_refuses(cells, SOON) == set(cells)


@pytest.mark.parametrize("name", services())
async def test_C17_every_service_says_that_it_knows_the_revoked_tokens(mesh: Mesh, name: str) -> None:
    """Under a name of its own in health."""
    health: Any = health_pb2_grpc.HealthStub(mesh.channel(name))
    answer = await health.Check(health_pb2.HealthCheckRequest(service=HEALTH))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("name", edges())
async def test_C17_every_edge_says_that_it_knows_the_revoked_tokens(mesh: Mesh, name: str) -> None:
    """In what it says of its readiness."""
    async with web_client() as client:
        told = (await client.get(f"http://{mesh.address(name)}{READINESS}")).json()
    assert told["revocations"] == "ok"
