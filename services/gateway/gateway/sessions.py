"""Sign-in by password, renewal and sign-out: the auth service decides, here is its HTTP form."""

from collections.abc import Iterable
from typing import Annotated

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from fastapi import APIRouter, Request, Response
from grpc_utils import Peers
from pydantic import Field

from gateway.bodies import Body
from gateway.calls import LOGIN_PATIENCE, USUAL, bearer, instant
from gateway.exchange import exchange_of
from gateway.measures import LOGIN_TOTAL, counted
from gateway.policies import LOGIN, LOGOUT, RENEW
from gateway.security import USER
from gateway.visits import Visits

# An organisation that a token is to name, "" for none in particular (auth R23).
Wanted = Annotated[str, Field(max_length=64)]


class Credentials(Body):
    """An email and a password, and the organisation to sign in to: else the last one chosen."""

    email: str = Field(min_length=1)
    password: str = Field(min_length=1)
    organisation: Wanted = ""


class Change(Body):
    """The organisation to change to; else the token goes on naming its own."""

    organisation: Wanted = ""


class SignedInUser(Body):
    """The person who has signed in; *role* is information only."""

    id: str
    email: str
    nom: str
    prenom: str
    picture: str
    organisation_id: str
    role: str


class Accessible(Body):
    """An organisation that a token of the person may name; *role* is information only."""

    id: str
    nom: str
    role: str


class SignedIn(Body):
    """A token with its end (RFC 3339), its owner, and the organisations that he can change to."""

    message: str
    token: str
    expires_at: str
    user: SignedInUser
    organisations: tuple[Accessible, ...]


class Renewed(Body):
    """A fresh token, its end, the organisation that it names, and those that it could name."""

    token: str
    expires_at: str
    organisation_id: str
    role: str
    organisations: tuple[Accessible, ...]


class Sessions:
    """The endpoints; *visits* keeps the directory up to date."""

    def __init__(self, peers: Peers, visits: Visits) -> None:
        self._auth, self._visits = peers.stub(AuthServiceStub), visits

    def router(self) -> APIRouter:
        """Their paths."""
        router = APIRouter(tags=["session"])
        router.add_api_route(LOGIN, self.login, methods=["POST"])
        router.add_api_route(LOGOUT, self.logout, methods=["POST"], status_code=204, dependencies=USER)
        router.add_api_route(RENEW, self.renew, methods=["POST"], dependencies=USER)
        return router

    async def login(self, credentials: Credentials, request: Request) -> SignedIn:
        """Exchange an email and a password for a token."""
        exchange = exchange_of(request.scope)
        asked = pb.LoginRequest(
            email=credentials.email,
            mot_de_passe=credentials.password,
            organisation=credentials.organisation,
            ip=exchange.address,
            user_agent=exchange.user_agent,
        )
        with counted(LOGIN_TOTAL):
            answer = await self._auth.Login(asked, timeout=LOGIN_PATIENCE)
        return SignedIn(
            message=answer.message,
            token=answer.token,
            expires_at=instant(answer.expire_le),
            user=signed_in_user(answer.user),
            organisations=accessible(answer.organisations),
        )

    async def logout(self, request: Request) -> Response:
        """Revoke the token of the request."""
        # The directory is not told of this visit: it would be with a token that is no longer one.
        metadata = bearer(exchange_of(request.scope).token)
        await self._auth.Logout(pb.LogoutRequest(), timeout=USUAL, metadata=metadata)
        return Response(status_code=204)

    async def renew(self, request: Request, change: Change | None = None) -> Renewed:
        """Exchange the token of the request for a fresh one, of another organisation if one is named."""
        exchange = exchange_of(request.scope)
        asked = pb.RenewTokenRequest(organisation=change.organisation if change else "")
        answer = await self._auth.RenewToken(asked, timeout=USUAL, metadata=bearer(exchange.token))
        self._visits.tell(exchange.caller.subject, answer.token)
        return Renewed(
            token=answer.token,
            expires_at=instant(answer.expire_le),
            organisation_id=answer.organisation_id,
            role=answer.role,
            organisations=accessible(answer.organisations),
        )


def signed_in_user(user: pb.UtilisateurConnecte) -> SignedInUser:
    """*user* as the front end reads it."""
    return SignedInUser(
        id=user.id,
        email=user.email,
        nom=user.nom,
        prenom=user.prenom,
        picture=user.photo_url,
        organisation_id=user.organisation_id,
        role=user.role,
    )


def accessible(organisations: Iterable[pb.OrganisationAccessible]) -> tuple[Accessible, ...]:
    """*organisations* as the front end reads them."""
    return tuple(Accessible(id=one.organisation_id, nom=one.nom, role=one.role) for one in organisations)
