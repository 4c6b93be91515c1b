"""Reports of services outside the mesh about the people who sign in there; users takes them over."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub
from fastapi import APIRouter, Header
from google.protobuf.struct_pb2 import Struct
from grpc_utils import Peers
from grpc_utils.errors import FormatInvalide
from grpc_utils.providers import AUTH0, PROVIDERS
from pydantic import AfterValidator, Field

from gateway.bodies import Body
from gateway.callers import SERVICE_NAME
from gateway.calls import USUAL
from gateway.contract import problems
from gateway.forms import CHARACTER, LONGEST_URL, OPAQUE_ID, TEXT, Email, one_of, or_null, told
from gateway.policies import SYNC
from gateway.security import SERVICE

_PROBLEMS: Final = {
    400: "A field that is missing or malformed.",
    403: "The token of somebody who is no service, or of another than `X-Service-Name`.",
    409: "`CONFLIT_IDENTITE`, `COMPTE_DESACTIVE`.",
}


def _https(address: str) -> str:
    if address and not address.startswith("https://"):
        raise ValueError("not an address of the web over https")
    return address


_SUBJECT: Final = "^[!-~]([ -~]*[!-~])?$"  # OpenID Connect Core 1.0, section 2: ASCII
_Text = Annotated[str, Field(max_length=255), told(pattern=TEXT)]
_Picture = Annotated[str, Field(max_length=LONGEST_URL), told(pattern=f"^(https://{CHARACTER}*)?$")]
_Company = Annotated[str, told(maxLength=64, pattern=f"^({OPAQUE_ID})?$")]
Text = Annotated[_Text, or_null(_Text)]
Company = Annotated[str, Field(max_length=255), or_null(_Company)]
Picture = Annotated[_Picture, or_null(_Picture), AfterValidator(_https)]
ServiceName = Annotated[str, Header(description="The service of the token."), told(pattern=SERVICE_NAME)]


class SeenUser(Body):
    """A person who has signed in at a service, as his identity provider names him."""

    auth0_id: str = Field(min_length=1, max_length=255, pattern=_SUBJECT)
    email: Email
    user_type: Annotated[str, told(pattern=TEXT)] = Field(min_length=1, max_length=50)
    provider: Annotated[str, one_of(PROVIDERS)] = Field(AUTH0, max_length=20)
    name: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    picture: Picture = ""
    company_id: Company = ""
    metadata: dict[str, Any] = Field(default_factory=dict, description="At most 4 KiB.")


class SyncedUser(Body):
    """The person, as the directory knows him now; *role* is information only."""

    id: str
    auth0_id: str
    email: str
    name: str
    role: str
    user_type: str
    company_id: str
    accessible_apps: tuple[str, ...]


class Synced(Body):
    """Result of a report; *event_id* is the announcement of this sign-in."""

    user: SyncedUser
    is_first_login: bool
    created: bool
    event_id: str


class Synchronisation:
    """The endpoint for reports."""

    def __init__(self, peers: Peers) -> None:
        self._directory = peers.stub(SyncServiceStub)

    def router(self) -> APIRouter:
        """The path of this endpoint."""
        router = APIRouter(tags=["synchronisation"])
        router.add_api_route(
            SYNC, self.sync, methods=["POST"], dependencies=SERVICE, responses=problems(_PROBLEMS)
        )
        return router

    async def sync(self, seen: SeenUser, x_service_name: ServiceName) -> Synced:
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
    """Message for *content*. Raises FormatInvalide for JSON that no Struct can hold."""
    message = Struct()
    try:
        message.update(content)
    except (ValueError, OverflowError, RecursionError, TypeError):
        raise FormatInvalide(champ="metadata") from None
    return message
