"""A new address is proved by the link that was mailed to it: the gateway's part of users R29."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from crm.users import users_pb2 as pb
from gateway.edge import GATEWAY
from gateway.policies import EMAIL_CONFIRM
from grpc_utils import Context, caller
from grpc_utils.errors import ExisteDeja, FailedPrecondition, Introuvable, Refusal
from service_kit.testing import Mesh, running
from service_users.service import SERVICE as USERS
from service_users.utilisateurs import UtilisateurService
from tests.visitors import ORIGINS, bearer, browser, code


class LienExpire(FailedPrecondition):
    """Le lien a expiré."""


LINKS: dict[str, type[Refusal]] = {"inconnu": Introuvable, "ancien": LienExpire, "pris": ExisteDeja}


class Directory(UtilisateurService):
    """users, which knows a link as its name says and answers with who has called."""

    async def ConfirmEmail(self, request: pb.ConfirmEmailRequest, context: Context) -> pb.Utilisateur:
        """Prove the pending address of the caller."""
        if request.jeton in LINKS:
            raise LINKS[request.jeton]
        return pb.Utilisateur(id=caller().subject, email=f"{request.jeton}@exemple.fr", prenom="Anne")


@pytest.fixture(scope="module")
async def directory() -> AsyncIterator[Mesh]:
    """The gateway before that directory."""
    others = (one for one in USERS.servicers if not issubclass(one, UtilisateurService))  # type: ignore[arg-type]
    users = replace(USERS, servicers=(Directory, *others), workers=())
    async with running(users, GATEWAY, **ORIGINS) as mesh:
        yield mesh


@pytest.fixture
async def web(directory: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser there."""
    async with browser(directory) as client:
        yield client


async def test_a_link_proves_the_address_of_its_caller(directory: Mesh, web: httpx.AsyncClient) -> None:
    """Users is asked with the token of the person, which names the account."""
    token = directory.secrets.token(user="anne")
    answer = await web.post(EMAIL_CONFIRM, json={"token": "nouvelle"}, headers=bearer(token))
    assert (answer.status_code, set(answer.json())) == (200, {"user"})
    user = answer.json()["user"]
    assert (user["id"], user["email"], user["prenom"]) == ("anne", "nouvelle@exemple.fr", "Anne")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("inconnu", (404, "INTROUVABLE")),
        ("ancien", (409, "LIEN_EXPIRE")),
        ("pris", (409, "EXISTE_DEJA")),
        ("", (400, "CHAMP_REQUIS")),
        ("x" * 513, (400, "TROP_LONG")),
    ],
)
async def test_what_is_wrong_with_a_link_is_told(
    directory: Mesh, web: httpx.AsyncClient, link: str, expected: tuple[int, str]
) -> None:
    """Unknown, used and another's alike."""
    token = directory.secrets.token(user=f"anne-{link[:8]}")
    assert code(await web.post(EMAIL_CONFIRM, json={"token": link}, headers=bearer(token))) == expected


async def test_a_link_needs_the_session_of_its_account(directory: Mesh, web: httpx.AsyncClient) -> None:
    """Mail scanners follow links: a GET confirms nothing, nor does anybody without a token."""
    token = directory.secrets.token(user="anne")
    assert code(await web.post(EMAIL_CONFIRM, json={"token": "nouvelle"})) == (401, "JETON_MANQUANT")
    followed = await web.get(EMAIL_CONFIRM, params={"token": "nouvelle"}, headers=bearer(token))
    assert (followed.status_code, followed.headers["allow"]) == (405, "POST, OPTIONS")


async def test_G8_links_are_tried_ten_times_a_minute(directory: Mesh, web: httpx.AsyncClient) -> None:
    """Of one user; another one's tries are his own."""
    guesser, other = (bearer(directory.secrets.token(user=name)) for name in ("guesser", "other"))
    body = {"token": "inconnu"}
    statuses = [(await web.post(EMAIL_CONFIRM, json=body, headers=guesser)).status_code for _ in range(11)]
    assert statuses == [404] * 10 + [429]
    assert (await web.post(EMAIL_CONFIRM, json=body, headers=other)).status_code == 404
