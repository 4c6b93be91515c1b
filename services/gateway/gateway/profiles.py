"""The caller's own profile, created on demand; from the token while the directory is away."""

import asyncio
from typing import Annotated, Final

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub, UtilisateurServiceStub
from fastapi import APIRouter, Request
from grpc_utils import Identity, Peers
from grpc_utils.errors import Unavailable
from pydantic import Field

from gateway.bodies import Body
from gateway.calls import PROFILE_PATIENCE, USUAL, at_most_twice, bearer
from gateway.contract import problems
from gateway.exchange import exchange_of
from gateway.forms import TEXT, told
from gateway.policies import EMAIL_CONFIRM, PROFILE
from gateway.security import USER
from gateway.visits import Visits

_LONGEST_LINK = 512  # characters
_CONFIRM_PROBLEMS: Final = {
    400: "A token that is missing or malformed.",
    404: "`INTROUVABLE`: unknown, used, replaced by a later one, or of another account.",
    409: "`LIEN_EXPIRE`: more than a day old; `EXISTE_DEJA`: the address is somebody's meanwhile.",
}


class ProfileUser(Body, json_schema_serialization_defaults_required=True):
    """A person, as the directory knows him."""

    id: str
    email: str
    nom: str
    prenom: str
    picture: str
    user_type: str = ""
    accessible_apps: tuple[str, ...] = ()


class ProfileOrganisation(Body):
    """A membership; *role* is information only."""

    id: str
    nom: str
    role: str
    etat: str


class Profile(Body, json_schema_serialization_defaults_required=True):
    """The caller and his organisations; *degraded* while the directory could not be asked."""

    user: ProfileUser
    organisations: tuple[ProfileOrganisation, ...] = ()
    has_organisation: bool = False
    created: bool = False
    degraded: bool = False


class Confirmation(Body):
    """Token of the link that was mailed to the new address."""

    token: Annotated[str, Field(min_length=1, max_length=_LONGEST_LINK), told(pattern=TEXT)]


class Confirmed(Body):
    """The person with the address that is proved now."""

    user: ProfileUser


class Profiles:
    """The endpoints. *visits* is told that the directory knows of a caller already."""

    def __init__(self, peers: Peers, visits: Visits) -> None:
        self._directory, self._visits = peers.stub(SyncServiceStub), visits
        self._people = peers.stub(UtilisateurServiceStub)

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
        router = APIRouter(tags=["profile"])
        router.add_api_route(PROFILE, self.profile, methods=["GET"], dependencies=USER)
        router.add_api_route(
            EMAIL_CONFIRM,
            self.confirm_email,
            methods=["POST"],
            dependencies=USER,
            responses=problems(_CONFIRM_PROBLEMS),
        )
        return router

    async def profile(self, request: Request) -> Profile:
        """Answer the caller's profile; his account is made if he has none."""
        exchange = exchange_of(request.scope)
        try:
            async with asyncio.timeout(PROFILE_PATIENCE):
                answer = await at_most_twice(lambda: self._ask(exchange.token))
        except (Unavailable, TimeoutError):
            return Profile(user=_told_by_token(exchange.caller), degraded=True)
        self._visits.told(exchange.caller.subject)
        return Profile(
            user=_told_by_directory(answer.utilisateur),
            organisations=tuple(map(_organisation, answer.organisations)),
            has_organisation=answer.has_organisation,
            created=answer.cree,
        )

    async def confirm_email(self, confirmation: Confirmation, request: Request) -> Confirmed:
        """Prove the caller's new address by the token of the link that was mailed to it."""
        exchange = exchange_of(request.scope)
        asked = pb.ConfirmEmailRequest(jeton=confirmation.token)
        answer = await self._people.ConfirmEmail(asked, timeout=USUAL, metadata=bearer(exchange.token))
        self._visits.tell(exchange.caller.subject, exchange.token)
        return Confirmed(user=_told_by_directory(answer))

    async def _ask(self, token: str) -> pb.SyncProfileResponse:
        return await self._directory.SyncProfile(
            pb.SyncProfileRequest(), timeout=PROFILE_PATIENCE, metadata=bearer(token)
        )


def _told_by_directory(user: pb.Utilisateur) -> ProfileUser:
    return ProfileUser(
        id=user.id,
        email=user.email,
        nom=user.nom,
        prenom=user.prenom,
        picture=user.photo_url,
        user_type=user.type_utilisateur,
        accessible_apps=tuple(user.applications),
    )


def _told_by_token(identity: Identity) -> ProfileUser:
    def claim(name: str) -> str:
        value = identity.claims.get(name, "")
        return value if isinstance(value, str) else ""

    return ProfileUser(
        id=identity.subject,
        email=claim("email"),
        nom=claim("family_name"),
        prenom=claim("given_name"),
        picture=claim("picture"),
    )


def _organisation(found: pb.OrganisationDuProfil) -> ProfileOrganisation:
    return ProfileOrganisation(id=found.organisation_id, nom=found.nom, role=found.role, etat=found.etat)
