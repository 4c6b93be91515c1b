"""Confirmation of a new address by the link that was mailed to it: the gateway's part of users R29."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from gateway.edge import GATEWAY
from gateway.policies import EMAIL_CONFIRM
from service_kit.outgoing import CommandeSortante
from service_kit.outgoing.command import request_of
from service_testing import Mesh, running
from service_users.models import ConfirmationEmail
from service_users.outgoing import MAIL
from service_users.service import SERVICE as USERS
from sqlalchemy import select
from tests.visitors import ORIGINS, bearer, browser, code, new_email


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose address *email* waits for its confirmation by *link*."""

    id: str
    email: str
    link: str
    token: str


@pytest.fixture(scope="module")
async def directory() -> AsyncIterator[Mesh]:
    """A gateway before users, which accepts the tests' tokens as ours and keeps the mails that it owes."""
    still = replace(USERS, workers=())
    async with running(still, GATEWAY, issuer_providers="crm=local", **ORIGINS) as mesh:
        yield mesh


@pytest.fixture
async def web(directory: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at this gateway."""
    async with browser(directory) as client:
        yield client


@pytest.fixture
async def anne(directory: Mesh) -> Person:
    """Anne, who has given a new address."""
    people = directory.service_stub(UtilisateurServiceStub, caller="users")
    made = await people.Create(pb.CreateUtilisateurRequest(email=new_email(), prenom="Anne"))
    user, email = made.utilisateur.id, new_email()
    own = directory.stub(UtilisateurServiceStub, user=user, organisation="")
    await own.Update(pb.UpdateUtilisateurRequest(id=user, email=email))
    token = directory.secrets.token(user=user, organisation="")
    return Person(user, email, await _mailed(directory, email), token)


async def _mailed(mesh: Mesh, email: str) -> str:
    """Token of the link that is to be mailed to *email*."""
    app: Any = mesh["users"].app
    rows = await app.database.read().all(select(CommandeSortante).order_by(CommandeSortante.rang))
    mails = [request_of(MAIL, row, app.settings.envelope()) for row in rows if row.type == MAIL.name]
    return next(mail.jeton for mail in mails if mail.email == email)


async def confirmed(web: httpx.AsyncClient, token: str, link: str) -> tuple[int, str]:
    """Status and reason of the answer to *link* with the session of *token*."""
    return code(await web.post(EMAIL_CONFIRM, json={"token": link}, headers=bearer(token)))


async def test_a_link_proves_the_address_of_its_caller(web: httpx.AsyncClient, anne: Person) -> None:
    """A link answers the profile with the new address, once."""
    answer = await web.post(EMAIL_CONFIRM, json={"token": anne.link}, headers=bearer(anne.token))
    assert (answer.status_code, set(answer.json())) == (200, {"user"})
    user = answer.json()["user"]
    assert (user["id"], user["email"], user["prenom"]) == (anne.id, anne.email, "Anne")
    assert await confirmed(web, anne.token, anne.link) == (404, "INTROUVABLE")


async def test_a_link_of_another_account_is_nobodys(
    directory: Mesh, web: httpx.AsyncClient, anne: Person
) -> None:
    """A link of another account is 404 and goes on working for its owner."""
    other = directory.secrets.token(user="somebody-else", organisation="")
    assert await confirmed(web, other, anne.link) == (404, "INTROUVABLE")
    answer = await web.post(EMAIL_CONFIRM, json={"token": anne.link}, headers=bearer(anne.token))
    assert answer.status_code == 200


async def test_a_link_is_good_for_a_day(directory: Mesh, web: httpx.AsyncClient, anne: Person) -> None:
    """A link of more than a day is LIEN_EXPIRE."""
    async with directory.database("users").transaction() as tx:
        link = await tx.get(ConfirmationEmail, anne.id)
        assert link is not None
        await tx.update(link, expire_le=clock.now() - timedelta(seconds=1))
    assert await confirmed(web, anne.token, anne.link) == (409, "LIEN_EXPIRE")


async def test_an_address_may_be_taken_meanwhile(
    directory: Mesh, web: httpx.AsyncClient, anne: Person
) -> None:
    """An address that another account got meanwhile is EXISTE_DEJA."""
    people = directory.service_stub(UtilisateurServiceStub, caller="users")
    await people.Create(pb.CreateUtilisateurRequest(email=anne.email))
    assert await confirmed(web, anne.token, anne.link) == (409, "EXISTE_DEJA")


@pytest.mark.parametrize(("link", "expected"), [("", (400, "CHAMP_REQUIS")), ("x" * 513, (400, "TROP_LONG"))])
async def test_what_is_wrong_with_a_link_is_told(
    directory: Mesh, web: httpx.AsyncClient, link: str, expected: tuple[int, str]
) -> None:
    """A missing or overlong token is 400 before users is asked."""
    assert await confirmed(web, directory.secrets.token(user="anne"), link) == expected


async def test_a_link_needs_the_session_of_its_account(web: httpx.AsyncClient, anne: Person) -> None:
    """A GET, as mail scanners send it, confirms nothing; nor does a request without a token."""
    assert code(await web.post(EMAIL_CONFIRM, json={"token": anne.link})) == (401, "JETON_MANQUANT")
    followed = await web.get(EMAIL_CONFIRM, params={"token": anne.link}, headers=bearer(anne.token))
    assert (followed.status_code, followed.headers["allow"]) == (405, "POST, OPTIONS")


async def test_G8_links_are_tried_ten_times_a_minute(directory: Mesh, web: httpx.AsyncClient) -> None:
    """The eleventh try of a user within a minute is 429; another user is answered."""
    guesser, other = (bearer(directory.secrets.token(user=name)) for name in ("guesser", "other"))
    body = {"token": "inconnu"}
    statuses = [(await web.post(EMAIL_CONFIRM, json=body, headers=guesser)).status_code for _ in range(11)]
    assert statuses == [404] * 10 + [429]
    assert (await web.post(EMAIL_CONFIRM, json=body, headers=other)).status_code == 404
