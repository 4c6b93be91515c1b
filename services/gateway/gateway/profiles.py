"""The caller's own profile, created on demand; without the directory, what the token says."""

import asyncio

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub
from fastapi import APIRouter, Request
from grpc_utils import Identity, Peers
from grpc_utils.errors import Unavailable

from gateway.bodies import Body
from gateway.calls import PROFILE_PATIENCE, at_most_twice, bearer
from gateway.exchange import exchange_of
from gateway.policies import PROFILE
from gateway.security import USER
from gateway.visits import Visits


class ProfileUser(Body, json_schema_serialization_defaults_required=True):
    """A person as the directory knows him."""

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
    """The caller and his organisations; *degraded* when the directory was not there to be asked."""

    user: ProfileUser
    organisations: tuple[ProfileOrganisation, ...] = ()
    has_organisation: bool = False
    created: bool = False
    degraded: bool = False


class Profiles:
    """The endpoint; *visits* need not tell what it tells itself."""

    def __init__(self, peers: Peers, visits: Visits) -> None:
        self._directory, self._visits = peers.stub(SyncServiceStub), visits

    def router(self) -> APIRouter:
        """Its path."""
        router = APIRouter(tags=["profile"])
        router.add_api_route(PROFILE, self.profile, methods=["GET"], dependencies=USER)
        return router

    async def profile(self, request: Request) -> Profile:
        """The caller, whose account is made if he has none."""
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
