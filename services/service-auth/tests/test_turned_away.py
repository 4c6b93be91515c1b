"""Calls of AuthService by people whose access has ended (R24): each cell of the table is a test.

A row is what happened to a person who holds older tokens, a column a call. When a membership or an
account ends, users has the tokens ended by RevokeUser (users R28).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, TokenServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from grpc_utils import reason_of
from service_testing import Mesh, code_of, eventually
from tests.connexions import PASSWORD, AsHolder, MakeSomeone, Someone, new_ip, read
from tests.membres import FIRST, SECOND, Join, listed_of, motif
from tests.popups import OpenPopup

# OK and the organisation of the new token, or the code and the reason; VOID is what VerifyToken says.
Outcome = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the first organisation with tokens that name it, one for each call."""

    who: Someone
    membre: users_pb2.Membre
    tokens: Mapping[str, str]

    @property
    def token(self) -> str:
        """A token that no call uses."""
        return self.tokens["verify"]


@dataclass(frozen=True, slots=True)
class Doors:
    """Services through which a person gets in, and those that end his access."""

    auth: AuthServiceStub
    verifier: TokenServiceStub
    people: UtilisateurServiceStub
    members: MembreServiceStub
    join: Join
    popup: OpenPopup
    as_holder: AsHolder
    mesh: Mesh

    async def ended(self, person: Person, organisation: str = "") -> None:
        """Wait until users has had the tokens ended: all of them, or those of an organisation."""

        async def is_listed() -> bool:
            listed = await listed_of(self.verifier, person.who)
            return organisation in {one.organisation_id for one in listed}

        await eventually(is_listed)

    async def becomes(self, membre: users_pb2.Membre, etat: str) -> None:
        """Change a membership to *etat*."""
        request = users_pb2.UpdateMembreRequest(id=membre.id, etat=etat)
        await self.members.Update(request, metadata=(("x-organisation-id", membre.organisation_id),))

    async def leaves(self, person: Person, etat: str = "retire") -> None:
        """End the membership of the first organisation."""
        await self.becomes(person.membre, etat)
        await self.ended(person, FIRST)

    async def google(self, person: Person, organisation: str = "") -> pb.LoginResponse:
        """Sign in at Google."""
        opened = await self.popup(person.who.email, organisation=organisation)
        return await self.auth.HandleGoogleCallback(opened.callback())


async def nothing(doors: Doors, person: Person) -> None:
    """Situation: nothing has happened."""


async def removed(doors: Doors, person: Person) -> None:
    """Situation: removed from the organisation."""
    await doors.leaves(person)


async def suspended(doors: Doors, person: Person) -> None:
    """Situation: suspended in the organisation."""
    await doors.leaves(person, "suspendu")


async def moved(doors: Doors, person: Person) -> None:
    """Situation: removed from the organisation, and a member of another one."""
    await doors.join(person.who, SECOND, "VIEWER")
    await doors.leaves(person)


async def removed_elsewhere(doors: Doors, person: Person) -> None:
    """Situation: removed from another organisation than the one that the tokens name."""
    other = await doors.join(person.who, SECOND, "VIEWER")
    await doors.becomes(other, "retire")
    await doors.ended(person, SECOND)


async def back(doors: Doors, person: Person) -> None:
    """Situation: removed, and taken back."""
    await doors.leaves(person)
    await doors.becomes(person.membre, "actif")


async def disabled(doors: Doors, person: Person) -> None:
    """Situation: the account is suspended."""
    await doors.people.Update(users_pb2.UpdateUtilisateurRequest(id=person.who.id, actif=False))
    await doors.ended(person)


async def deleted(doors: Doors, person: Person) -> None:
    """Situation: the account, which Google knows, is deleted."""
    await doors.google(person)
    await doors.people.Delete(users_pb2.DeleteUtilisateurRequest(id=person.who.id))
    await doors.ended(person)


async def signed_out(doors: Doors, person: Person) -> None:
    """Situation: signed out with each token."""
    for token in person.tokens.values():
        await doors.as_holder(token).Logout(pb.LogoutRequest())


async def password_changed(doors: Doors, person: Person) -> None:
    """Situation: another session has set the password anew."""
    token = (await doors.auth.Login(person.who.login(ip=new_ip()))).token
    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau=PASSWORD)
    await doors.as_holder(token).ChangePassword(change)


INVALID: Final = ("UNAUTHENTICATED", "IDENTIFIANTS_INVALIDES")
REVOKED: Final = ("UNAUTHENTICATED", "JETON_REVOQUE")
INACTIVE: Final = ("PERMISSION_DENIED", "MEMBRE_INACTIF")
NOWHERE, IN_FIRST, IN_SECOND = ("OK", ""), ("OK", FIRST), ("OK", SECOND)

Situation = Callable[[Doors, Person], Awaitable[None]]
HELD = ("verify", "renew", "renew in first", "renew in second", "change password", "logout")


def row(in_general: Outcome, in_first: Outcome, *held: Outcome) -> dict[str, Outcome]:
    """Row of the table: sign-ins without an organisation, to the first one, then calls with a token."""
    signing_in = {"login": in_general, "google": in_general}
    named = {"login to first": in_first, "google to first": in_first}
    return signing_in | named | dict(zip(HELD, held, strict=True))


ALL_REVOKED = (("VOID", "REVOQUE"), *[REVOKED] * 5)
GOOD = (NOWHERE, IN_FIRST, IN_FIRST, INACTIVE, IN_FIRST, NOWHERE)
TABLE: Final[Mapping[Situation, Mapping[str, Outcome]]] = {
    nothing: row(IN_FIRST, IN_FIRST, *GOOD),
    removed: row(NOWHERE, INACTIVE, *ALL_REVOKED),
    suspended: row(NOWHERE, INACTIVE, *ALL_REVOKED),
    moved: row(IN_SECOND, INACTIVE, *ALL_REVOKED),
    removed_elsewhere: row(IN_FIRST, IN_FIRST, *GOOD),
    back: row(IN_FIRST, IN_FIRST, *ALL_REVOKED),
    disabled: row(INVALID, INVALID, *ALL_REVOKED),
    deleted: row(INVALID, INVALID, *ALL_REVOKED),
    signed_out: row(IN_FIRST, IN_FIRST, *ALL_REVOKED),
    password_changed: row(IN_FIRST, IN_FIRST, *ALL_REVOKED),
}
_seen: dict[Situation, dict[str, Outcome]] = {}


@pytest.fixture
def doors(
    mesh: Mesh,
    auth: AuthServiceStub,
    tokens: TokenServiceStub,
    people: UtilisateurServiceStub,
    join: Join,
    popup: OpenPopup,
    as_holder: AsHolder,
) -> Doors:
    """Services of the mesh."""
    members = mesh.service_stub(MembreServiceStub, caller="auth")
    return Doors(auth, tokens, people, members, join, popup, as_holder, mesh)


@pytest.mark.parametrize("call", TABLE[nothing])
@pytest.mark.parametrize("situation", TABLE, ids=lambda one: one.__name__)
async def test_R24_who_was_shown_out_stays_out(
    doors: Doors, someone: MakeSomeone, situation: Situation, call: str
) -> None:
    """Each call ends with the code and the reason of its cell; a situation is made once."""
    if situation not in _seen:
        _seen[situation] = await outcomes(doors, await someone(email_verifie=True), situation)
    assert _seen[situation][call] == TABLE[situation][call]


async def outcomes(doors: Doors, who: Someone, situation: Situation) -> dict[str, Outcome]:
    """Outcome of each call once *situation* has come about for *who*."""
    membre = await doors.join(who, FIRST, "VIEWER")
    tokens = {call: (await doors.auth.Login(who.login(ip=new_ip()))).token for call in HELD}
    person = Person(who, membre, tokens)
    await situation(doors, person)
    if await motif(doors.verifier, person.token):
        await eventually(partial(_has_been_heard, doors, person.token))
    return {call: await _outcome(make()) for call, make in _calls(doors, person).items()}


def _calls(doors: Doors, person: Person) -> dict[str, Callable[[], Awaitable[Any]]]:
    def held(name: str) -> AuthServiceStub:
        return doors.as_holder(person.tokens[name])

    def login(**more: str) -> Awaitable[pb.LoginResponse]:
        return doors.auth.Login(person.who.login(ip=new_ip(), **more))

    change = pb.ChangePasswordRequest(ancien=PASSWORD, nouveau="une autre phrase de passe")
    return {
        "login": login,
        "login to first": partial(login, organisation=FIRST),
        "google": partial(doors.google, person),
        "google to first": partial(doors.google, person, FIRST),
        "verify": lambda: doors.verifier.VerifyToken(pb.VerifyTokenRequest(token=person.token)),
        "renew": lambda: held("renew").RenewToken(pb.RenewTokenRequest()),
        "renew in first": lambda: held("renew in first").RenewToken(pb.RenewTokenRequest(organisation=FIRST)),
        "renew in second": lambda: held("renew in second").RenewToken(
            pb.RenewTokenRequest(organisation=SECOND)
        ),
        "logout": lambda: held("logout").Logout(pb.LogoutRequest()),
        "change password": lambda: held("change password").ChangePassword(change),
    }


async def _has_been_heard(doors: Doors, token: str) -> bool:
    """Tell whether the process of auth refuses *token* whatever it is shown for."""
    anybody = TokenServiceStub(doors.mesh.channel("auth", token))
    return await code_of(anybody.GetJwks(pb.GetJwksRequest())) == StatusCode.UNAUTHENTICATED


async def _outcome(call: Awaitable[Any]) -> Outcome:
    try:
        answer = await call
    except AioRpcError as error:
        return error.code().name, reason_of(error)
    if isinstance(answer, pb.VerifyTokenResponse) and not answer.valide:
        return "VOID", answer.motif
    token = getattr(answer, "token", "")
    return "OK", read(token)["organisation_id"] if token else ""
