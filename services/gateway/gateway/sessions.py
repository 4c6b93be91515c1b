"""Sign-in by password, renewal and sign-out: the auth service decides, here is its HTTP form."""

from typing import Final

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from fastapi import APIRouter, Request, Response
from grpc_utils import Peers

from gateway.bodies import Body
from gateway.calls import LOGIN_PATIENCE, USUAL, bearer, instant
from gateway.contract import problems
from gateway.exchange import exchange_of
from gateway.forms import Email, Instant, Password
from gateway.measures import LOGIN_TOTAL, counted
from gateway.policies import LOGIN, LOGOUT, RENEW
from gateway.security import USER
from gateway.visits import Visits

_LOGIN_PROBLEMS: Final = {
    400: "A field that is missing or malformed.",
    401: "`IDENTIFIANTS_INVALIDES`: wrong, unknown and disabled alike.",
    429: "`COMPTE_VERROUILLE`, `TROP_DE_REQUETES`: more than 20 requests a minute of one address.",
}
_RENEW_PROBLEMS: Final = {
    401: "No token, or one that is not good; `JETON_NON_RENOUVELABLE`: not one of ours.",
    409: "`SESSION_TROP_ANCIENNE`: the password is asked for again.",
}


class Credentials(Body):
    """An email and a password."""

    email: Email
    password: Password


class SignedInUser(Body):
    """The person who has signed in; *role* is information only."""

    id: str
    email: str
    nom: str
    prenom: str
    picture: str
    organisation_id: str
    role: str


class SignedIn(Body):
    """A token with its end (RFC 3339) and its owner."""

    message: str
    token: str
    expires_at: Instant
    user: SignedInUser


class Renewed(Body):
    """A fresh token and its end."""

    token: str
    expires_at: Instant


class Sessions:
    """The endpoints; *visits* keeps the directory up to date."""

    def __init__(self, peers: Peers, visits: Visits) -> None:
        self._auth, self._visits = peers.stub(AuthServiceStub), visits

    def router(self) -> APIRouter:
        """Their paths."""
        router = APIRouter(tags=["session"])
        router.add_api_route(LOGIN, self.login, methods=["POST"], responses=problems(_LOGIN_PROBLEMS))
        router.add_api_route(LOGOUT, self.logout, methods=["POST"], status_code=204, dependencies=USER)
        router.add_api_route(
            RENEW, self.renew, methods=["POST"], dependencies=USER, responses=problems(_RENEW_PROBLEMS)
        )
        return router

    async def login(self, credentials: Credentials, request: Request) -> SignedIn:
        """Exchange an email and a password for a token."""
        exchange = exchange_of(request.scope)
        asked = pb.LoginRequest(
            email=credentials.email,
            mot_de_passe=credentials.password,
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
        )

    async def logout(self, request: Request) -> Response:
        """Revoke the token of the request."""
        # The directory is not told of this visit: it would be with a token that is no longer one.
        metadata = bearer(exchange_of(request.scope).token)
        await self._auth.Logout(pb.LogoutRequest(), timeout=USUAL, metadata=metadata)
        return Response(status_code=204)

    async def renew(self, request: Request) -> Renewed:
        """Exchange the token of the request for a fresh one."""
        exchange = exchange_of(request.scope)
        metadata = bearer(exchange.token)
        answer = await self._auth.RenewToken(pb.RenewTokenRequest(), timeout=USUAL, metadata=metadata)
        self._visits.tell(exchange.caller.subject, answer.token)
        return Renewed(token=answer.token, expires_at=instant(answer.expire_le))


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
