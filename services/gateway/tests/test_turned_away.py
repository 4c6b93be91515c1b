"""Requests by people whose access has ended (auth R24): each cell of the table is a test.

A row is what happened to a member of an organisation who holds older tokens, a column a request.
When a membership or an account ends, users asks auth to end its tokens (users R28).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import jwt
import pytest
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from gateway.policies import (
    EMAIL_CONFIRM,
    GOOGLE_CALLBACK,
    GOOGLE_URL,
    INTEGRATIONS,
    LOGIN,
    LOGOUT,
    PROFILE,
    RENEW,
)
from service_testing import Mesh, eventually
from service_testing.oidc import OidcProvider, browse, person
from service_testing.popup import posted
from tests.visitors import Someone, bearer, browser, made, signed_in

Outcome = tuple[int, str]  # the status, and the organisation of the new token or the reason
FIRST, SECOND = "org-premiere", "org-seconde"


@dataclass(frozen=True, slots=True)
class Visit:
    """A member of the first organisation at a browser of his own, with a token for each request."""

    mesh: Mesh
    web: httpx.AsyncClient
    provider: OidcProvider
    who: Someone
    membre_id: str
    tokens: Mapping[str, str]

    async def ends(self) -> None:
        """Return when the gateway has heard that users has had the tokens ended."""
        await eventually(self.is_out)

    async def is_out(self) -> bool:
        """Tell whether the gateway refuses a token of before."""
        answer = await self.web.get(INTEGRATIONS, headers=bearer(self.tokens["profile"]))
        return answer.status_code == 401

    async def becomes(self, etat: str) -> None:
        """Change the membership of the first organisation to *etat*."""
        members = self.mesh.service_stub(MembreServiceStub, caller="auth")
        request = users_pb2.UpdateMembreRequest(id=self.membre_id, etat=etat)
        await members.Update(request, metadata=(("x-organisation-id", FIRST),))

    async def google(self, organisation: str = "") -> Outcome:
        """Sign in at Google."""
        self.provider.person = person(self.who.email)
        begun = await self.web.get(GOOGLE_URL, params={"organisation": organisation})
        query = await browse(begun.json()["authUrl"])
        answer = await self.web.get(GOOGLE_CALLBACK, params=query)
        message = posted(answer.text).message
        return answer.status_code, _named(message["token"]) if "token" in message else message["code"]

    async def login(self, **more: str) -> Outcome:
        """Sign in by password."""
        return _read(await self.web.post(LOGIN, json={**self.who.credentials, **more}))

    async def send(self, call: str, path: str, **body: str) -> Outcome:
        """Send a request with the token that is kept for *call*."""
        headers, content = bearer(self.tokens[call]), {"json": body} if body else {}
        method = "GET" if path == PROFILE else "POST"
        return _read(await self.web.request(method, path, headers=headers, **content))  # type: ignore[arg-type]  # a dict of one keyword or none


def _read(answer: httpx.Response) -> Outcome:
    told: dict[str, Any] = answer.json() if answer.content else {}
    if "error" in told:
        return answer.status_code, told["error"]["code"]
    return answer.status_code, _named(told["token"]) if "token" in told else ""


def _named(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["organisation_id"])


async def nothing(visit: Visit) -> None:
    """Situation: nothing has happened."""


async def removed(visit: Visit) -> None:
    """Situation: removed from the organisation."""
    await visit.becomes("retire")
    await visit.ends()


async def suspended(visit: Visit) -> None:
    """Situation: suspended in the organisation."""
    await visit.becomes("suspendu")
    await visit.ends()


async def moved(visit: Visit) -> None:
    """Situation: removed from the organisation, and a member of another one."""
    await _joined(visit.mesh, visit.who, SECOND)
    await removed(visit)


async def disabled(visit: Visit) -> None:
    """Situation: the account is suspended."""
    people = visit.mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=visit.who.id, actif=False))
    await visit.ends()


async def deleted(visit: Visit) -> None:
    """Situation: the account, which Google knows, is deleted."""
    await visit.google()
    people = visit.mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Delete(users_pb2.DeleteUtilisateurRequest(id=visit.who.id))
    await visit.ends()


async def signed_out(visit: Visit) -> None:
    """Situation: signed out with each token."""
    for token in visit.tokens.values():
        await visit.web.post(LOGOUT, headers=bearer(token))
    await eventually(visit.is_out)


Situation = Callable[[Visit], Awaitable[None]]
HELD: Final = ("renew", "renew in first", "logout", "profile", "confirm an address")
INVALID, REVOKED = (401, "IDENTIFIANTS_INVALIDES"), (401, "JETON_REVOQUE")
INACTIVE, NO_LINK = (403, "MEMBRE_INACTIF"), (404, "INTROUVABLE")


def row(in_general: Outcome, in_first: Outcome, *held: Outcome) -> dict[str, Outcome]:
    """Row of the table: sign-ins without an organisation, to the first one, then requests with a token."""
    signing_in = {"login": in_general, "google": in_general}
    named = {"login to first": in_first, "google to first": in_first}
    return signing_in | named | dict(zip(HELD, held, strict=True))


OUT = [REVOKED] * len(HELD)
TABLE: Final[Mapping[Situation, Mapping[str, Outcome]]] = {
    nothing: row((200, FIRST), (200, FIRST), (200, FIRST), (200, FIRST), (204, ""), (200, ""), NO_LINK),
    removed: row((200, ""), INACTIVE, *OUT),
    suspended: row((200, ""), INACTIVE, *OUT),
    moved: row((200, SECOND), INACTIVE, *OUT),
    disabled: row(INVALID, INVALID, *OUT),
    deleted: row(INVALID, INVALID, *OUT),
    signed_out: row((200, FIRST), (200, FIRST), *OUT),
}
_seen: dict[Situation, dict[str, Outcome]] = {}


@pytest.mark.parametrize("call", TABLE[nothing])
@pytest.mark.parametrize("situation", TABLE, ids=lambda one: one.__name__)
async def test_who_was_shown_out_stays_out(
    mesh: Mesh, provider: OidcProvider, situation: Situation, call: str
) -> None:
    """Each request ends with the status and the reason of its cell; a situation is made once."""
    if situation not in _seen:
        async with visiting(mesh, provider) as visit:
            await situation(visit)
            _seen[situation] = await outcomes(visit)
    assert _seen[situation][call] == TABLE[situation][call]


@asynccontextmanager
async def visiting(mesh: Mesh, provider: OidcProvider) -> AsyncIterator[Visit]:
    """A member of the first organisation who has signed in several times."""
    who = await made(mesh, email_verifie=True)
    membre = await _joined(mesh, who, FIRST)
    async with browser(mesh) as web:
        tokens = {call: await signed_in(web, who) for call in HELD}
        yield Visit(mesh, web, provider, who, membre.id, tokens)


async def _joined(mesh: Mesh, who: Someone, organisation: str) -> users_pb2.Membre:
    members = mesh.service_stub(MembreServiceStub, caller="auth")
    return await members.Add(
        users_pb2.AddMembreRequest(organisation_id=organisation, utilisateur_id=who.id, role="VIEWER")
    )


async def outcomes(visit: Visit) -> dict[str, Outcome]:
    """Outcome of each request of *visit*."""
    return {
        "login": await visit.login(),
        "login to first": await visit.login(organisation=FIRST),
        "google": await visit.google(),
        "google to first": await visit.google(FIRST),
        "renew": await visit.send("renew", RENEW),
        "renew in first": await visit.send("renew in first", RENEW, organisation=FIRST),
        "logout": await visit.send("logout", LOGOUT),
        "profile": await visit.send("profile", PROFILE),
        "confirm an address": await visit.send("confirm an address", EMAIL_CONFIRM, token="unknown"),
    }
