"""Sign-in at Google in a pop-up: its beginning, and the page that ends it (G11 to G13)."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Final

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from grpc_utils import Peers
from starlette.requests import cookie_parser

from gateway import closing_page
from gateway.bodies import Body
from gateway.callbacks import PARAMETERS, parameters
from gateway.calls import CALLBACK_PATIENCE, USUAL, at_most_twice, instant
from gateway.closing_page import FAILURE, SUCCESS
from gateway.contract import problems
from gateway.exchange import Scope, exchange_of, header_of
from gateway.forms import LONGEST_URL, TEXT, Instant, Organisation, told
from gateway.measures import LOGIN_TOTAL, counted
from gateway.policies import GOOGLE, GOOGLE_CALLBACK, GOOGLE_URL
from gateway.problems import Problem
from gateway.sessions import accessible, signed_in_user
from gateway.settings import GatewaySettings

COOKIE, ORIGIN_COOKIE = "crm_oauth", "crm_oauth_origin"
_COOKIE_AGE = 600  # seconds, as long as auth remembers the request
_LONGEST_LIAISON = 128
_NOTHING: Mapping[str, str] = {}
_BEGIN_PROBLEMS: Final = {
    400: "`REDIRECTION_INVALIDE`: not an address that auth allows.",
    409: "`GOOGLE_NON_CONFIGURE`.",
}
_FINISH_PROBLEMS: Final = {
    400: "`PARAMETRES_INVALIDES`: too long, twice, or both *code* and *error*; `CODE_REQUIS`, "
    "`ETAT_INVALIDE`, `ETAT_EXPIRE`, `ETAT_DEJA_UTILISE`.",
    401: "`ID_TOKEN_INVALIDE`, `EMAIL_NON_VERIFIE`, `CONFLIT_IDENTITE`.",
    403: "`REFUS_UTILISATEUR`: *error* was access_denied; `MEMBRE_INACTIF`: no active member of the "
    "organisation named.",
    409: "`GOOGLE_NON_CONFIGURE`.",
    503: "`GOOGLE_INDISPONIBLE`, which is also what any other *error* means; or auth does not answer.",
}
RedirectUri = Annotated[
    str,
    Query(
        max_length=LONGEST_URL,
        description="Where Google sends the browser: one of the addresses that auth allows (its "
        "GOOGLE_REDIRECT_URIS), the first when empty.",
    ),
    told(pattern=TEXT),
]


class Beginning(Body):
    """Address for the pop-up, and the end of its validity."""

    auth_url: str
    expires_at: Instant


class GoogleSignIn:
    """The endpoints. *peers* are theirs alone: while Google is away, passwords go on working."""

    def __init__(self, peers: Peers, settings: GatewaySettings) -> None:
        self._auth, self._settings = peers.stub(AuthServiceStub), settings

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
        router = APIRouter(tags=["google"])
        router.add_api_route(GOOGLE_URL, self.begin, methods=["GET"], responses=problems(_BEGIN_PROBLEMS))
        router.add_api_route(
            GOOGLE_CALLBACK,
            self.finish,
            methods=["GET"],
            response_class=HTMLResponse,
            responses=problems(_FINISH_PROBLEMS),
            openapi_extra=PARAMETERS,
        )
        return router

    async def begin(
        self,
        request: Request,
        response: Response,
        redirect_uri: RedirectUri = "",
        organisation: Organisation = "",
    ) -> Beginning:
        """Begin a sign-in to *organisation*; the cookie binds it to this browser."""
        address = exchange_of(request.scope).address
        asked = pb.GetGoogleAuthUrlRequest(redirect_uri=redirect_uri, ip=address, organisation=organisation)
        answer = await at_most_twice(lambda: self._auth.GetGoogleAuthUrl(asked, timeout=USUAL))
        self._set_cookie(response, COOKIE, answer.liaison)
        self._set_cookie(response, ORIGIN_COOKIE, self._origin(header_of(request.scope, "origin")))
        return Beginning(auth_url=answer.auth_url, expires_at=instant(answer.expire_le))

    async def finish(self, request: Request) -> Response:
        """Finish a sign-in: a page that tells the window behind it, and closes."""
        exchange, cookies = exchange_of(request.scope), _cookies(request.scope)
        liaison = cookies.get(COOKIE, "")
        with counted(LOGIN_TOTAL):
            asked = pb.HandleGoogleCallbackRequest(
                **parameters(request),
                liaison=liaison if len(liaison) <= _LONGEST_LIAISON else "",
                ip=exchange.address,
                user_agent=exchange.user_agent,
            )
            answer = await self._auth.HandleGoogleCallback(asked, timeout=CALLBACK_PATIENCE)
        message = {
            "type": SUCCESS,
            "message": answer.message,
            "token": answer.token,
            "user": signed_in_user(answer.user).model_dump(by_alias=True),
            "organisations": [one.model_dump(by_alias=True) for one in accessible(answer.organisations)],
            "isNewUser": answer.nouvel_utilisateur,
        }
        return self._page(message, request.scope, 200)

    def failed(self, problem: Problem, scope: Scope) -> Response:
        """The page that posts *problem* to the window behind it."""
        message = {"type": FAILURE, "code": problem.code, "message": problem.message}
        return self._page(message, scope, problem.status, problem.all_headers)

    def _page(
        self, message: Mapping[str, object], scope: Scope, status: int, more: Mapping[str, str] = _NOTHING
    ) -> Response:
        nonce = secrets.token_urlsafe(16)
        origin = self._origin(_cookies(scope).get(ORIGIN_COOKIE, ""))
        text = closing_page.closing_page(message, origin, nonce)
        response = HTMLResponse(text, status, {**more, **closing_page.headers(nonce)})
        for name in (COOKIE, ORIGIN_COOKIE):
            self._set_cookie(response, name, "", 0)
        return response

    def _origin(self, wanted: str) -> str:
        """The origin *wanted* if it is allowed, else the first allowed one."""
        origins = self._settings.frontend_origins
        return wanted if wanted in origins else origins[0]

    def _set_cookie(self, response: Response, name: str, value: str, age: int = _COOKIE_AGE) -> None:
        response.set_cookie(
            name,
            value,
            max_age=age,
            path=GOOGLE,
            secure=self._settings.secure_cookies,
            httponly=True,
            samesite="lax",
        )


def _cookies(scope: Scope) -> dict[str, str]:
    return cookie_parser(header_of(scope, "cookie"))
