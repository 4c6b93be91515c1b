"""HTTP form of sign-in by password, renewal and sign-out; the auth service decides."""

from collections.abc import Iterable
from typing import Final

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from fastapi import APIRouter, Request, Response
from grpc_utils import Peers

from gateway.bodies import Body
from gateway.calls import LOGIN_PATIENCE, USUAL, bearer, instant
from gateway.contract import problems
from gateway.exchange import exchange_of
from gateway.forms import Email, Instant, Organisation, Password
from gateway.measures import LOGIN_TOTAL, counted
from gateway.policies import LOGIN, LOGOUT, RENEW
from gateway.security import USER
from gateway.visits import Visits

_LOGIN_PROBLEMS: Final = {
    400: "A field that is missing or malformed.",
    401: "`IDENTIFIANTS_INVALIDES`: wrong, unknown and disabled alike.",
    403: "`MEMBRE_INACTIF`: the right password, but no active member of the organisation named.",
    429: "`COMPTE_VERROUILLE`, `TROP_DE_REQUETES`: more than 20 requests a minute of one address.",
}
_RENEW_PROBLEMS: Final = {
    400: "A body that names no organisation.",
    401: "No token, or one that is not good; `JETON_NON_RENOUVELABLE`: not one of ours.",
    403: "`MEMBRE_INACTIF`: no active member of the organisation named; the token stays good.",
    409: "`SESSION_TROP_ANCIENNE`: the password is asked for again.",
}


class Credentials(Body):
    """An email, a password and the organisation to sign in to, empty for the last one chosen."""

    email: Email
    password: Password
    organisation: Organisation = ""


class Change(Body):
    """The organisation to change to; empty to keep that of the token."""

    organisation: Organisation = ""


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
    expires_at: Instant
    user: SignedInUser
    organisations: tuple[Accessible, ...]


class Renewed(Body):
    """A fresh token, its end, its organisation, and the organisations that it could name."""

    token: str
    expires_at: Instant
    organisation_id: str
    role: str
    organisations: tuple[Accessible, ...]


class Sessions:
    """The endpoints; *visits* tells the directory who has called."""

    def __init__(self, peers: Peers, visits: Visits) -> None:
        self._auth, self._visits = peers.stub(AuthServiceStub), visits

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
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
        # The directory is not told of this visit: the token that would carry the notice is void by then.
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
    """The *user* of an answer of auth, in the form that the front end reads."""
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
    """The *organisations* of an answer of auth, in the form that the front end reads."""
    return tuple(Accessible(id=one.organisation_id, nom=one.nom, role=one.role) for one in organisations)
