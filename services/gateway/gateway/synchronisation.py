"""Services outside the mesh tell whom they have seen; the directory takes him over."""

from collections.abc import Mapping
from typing import Annotated, Any

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub
from fastapi import APIRouter, Header
from google.protobuf.struct_pb2 import Struct
from grpc_utils import Peers
from grpc_utils.errors import FormatInvalide
from pydantic import AfterValidator, BeforeValidator, Field

from gateway.bodies import Body
from gateway.calls import USUAL
from gateway.policies import SYNC
from gateway.security import SERVICE

_LONGEST_PICTURE = 2048


def _https(address: str) -> str:
    if address and not (address.startswith("https://") and len(address) <= _LONGEST_PICTURE):
        raise ValueError("not an address of the web over https")
    return address


Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value), Field(max_length=255)]
Picture = Annotated[
    str, BeforeValidator(lambda value: "" if value is None else value), AfterValidator(_https)
]


class SeenUser(Body):
    """A person whom a service has seen, as his identity provider names him."""

    auth0_id: str = Field(min_length=1, max_length=255)
    email: str = Field(min_length=1, max_length=255)
    user_type: str = Field(min_length=1, max_length=50)
    provider: str = Field("auth0", max_length=20)
    name: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    picture: Picture = ""
    company_id: Text = ""
    metadata: dict[str, Any] = Field(default_factory=dict)


class SyncedUser(Body):
    """The person as the directory knows him now; *role* is information only."""

    id: str
    auth0_id: str
    email: str
    name: str
    role: str
    user_type: str
    company_id: str
    accessible_apps: tuple[str, ...]


class Synced(Body):
    """What became of it; *event_id* is the announcement of this sign-in."""

    user: SyncedUser
    is_first_login: bool
    created: bool
    event_id: str


class Synchronisation:
    """The endpoint."""

    def __init__(self, peers: Peers) -> None:
        self._directory = peers.stub(SyncServiceStub)

    def router(self) -> APIRouter:
        """Its path."""
        router = APIRouter(tags=["synchronisation"])
        router.add_api_route(SYNC, self.sync, methods=["POST"], dependencies=SERVICE)
        return router

    async def sync(self, seen: SeenUser, x_service_name: Annotated[str, Header()] = "") -> Synced:
        """Create or update a user, and announce that he has signed in."""
        asked = pb.SyncUserRequest(
            auth0_id=seen.auth0_id,
            fournisseur=seen.provider,
            email=seen.email,
            name=seen.name,
            first_name=seen.first_name,
            last_name=seen.last_name,
            picture=seen.picture,
            company_id=seen.company_id,
            user_type=seen.user_type,
            metadata=_struct(seen.metadata),
            service_name=x_service_name,
        )
        answer = await self._directory.SyncUser(asked, timeout=USUAL)
        return Synced(
            user=_user(answer, seen.auth0_id),
            is_first_login=answer.premiere_connexion,
            created=answer.cree,
            event_id=answer.event_id,
        )


def _user(answer: pb.SyncUserResponse, subject: str) -> SyncedUser:
    user = answer.utilisateur
    return SyncedUser(
        id=user.id,
        auth0_id=subject,
        email=user.email,
        name=f"{user.prenom} {user.nom}".strip(),
        role=answer.role,
        user_type=user.type_utilisateur,
        company_id=answer.organisation_id,
        accessible_apps=tuple(user.applications),
    )


def _struct(content: Mapping[str, Any]) -> Struct:
    """*content* as a message. Raises FormatInvalide for what JSON can say and messages cannot."""
    message = Struct()
    try:
        message.update(content)
    except (ValueError, OverflowError, RecursionError, TypeError):
        raise FormatInvalide(champ="metadata") from None
    return message
