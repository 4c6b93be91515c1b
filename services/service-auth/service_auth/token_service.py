"""TokenService: verification, revocations and public keys of our tokens, for other services."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import TokenServiceServicer
from db_utils import Database, clock
from grpc_utils import (
    Context,
    Identity,
    Issuer,
    TokenVerifier,
    instant,
    one_of,
    opaque_id,
    required,
    timestamp,
)
from grpc_utils.claims import ExpiredToken, ForeignAudience, ForeignIssuer, ForgedToken, InvalidToken
from grpc_utils.errors import ChampRequis, DateInvalide
from service_kit import App
from service_kit.revocations import Ask

from service_auth.keys import Keyring
from service_auth.models import FINS
from service_auth.revocations import OwnToken, is_revoked, revoke_user, revoked_since
from service_auth.settings import AuthSettings

_log = logging.getLogger(__name__)
_AHEAD = timedelta(seconds=30)  # by which the clock of the calling service may be fast
_MOTIFS: Mapping[type[InvalidToken], str] = {
    ForgedToken: "SIGNATURE",
    ExpiredToken: "EXPIRE",
    ForeignIssuer: "EMETTEUR",
    ForeignAudience: "AUDIENCE",
}


def own_issuer(app: App[AuthSettings]) -> Issuer:
    """Issuer of our own tokens; its keys come from the database, not over HTTP."""
    settings = app.settings
    return Issuer(
        settings.jwt_issuer, "RS256", Keyring.of(app), (settings.jwt_audience,), now=clock.timestamp
    )


def own_revocations(app: App[AuthSettings]) -> Ask:
    """Source of revocations for this process: its own tables, where others call ListRevoked."""
    return partial(_revoked, app.database)


class TokenService(TokenServiceServicer):
    """Verification, revocations and public keys of our own tokens."""

    def __init__(self, app: App[AuthSettings]) -> None:
        self._db = app.database
        self._keyring = Keyring.of(app)
        self._verifier = TokenVerifier([own_issuer(app)])

    async def VerifyToken(self, request: pb.VerifyTokenRequest, context: Context) -> pb.VerifyTokenResponse:
        """Tell whether a token is ours and good, and why it is not (R9)."""
        try:
            identity = await self._verifier.verify(required(request.token, "token"))
        except InvalidToken as error:
            _log.info("token not valid: %s", error)
            return pb.VerifyTokenResponse(motif=_MOTIFS.get(type(error), "FORMAT"))
        return await self._unless_revoked(identity)

    async def _unless_revoked(self, identity: Identity) -> pb.VerifyTokenResponse:
        token = OwnToken.of(identity)
        if token is None:
            return pb.VerifyTokenResponse(motif="FORMAT")
        if await is_revoked(self._db.read(), token):
            return pb.VerifyTokenResponse(motif="REVOQUE")
        response = pb.VerifyTokenResponse(valide=True)
        response.claims.update(_claims(identity))
        return response

    async def ListRevoked(self, request: pb.ListRevokedRequest, context: Context) -> pb.ListRevokedResponse:
        """List revocations after an instant, those of all tokens of a user included (R13)."""
        return await _revoked(self._db, request)

    async def RevokeUser(self, request: pb.RevokeUserRequest, context: Context) -> pb.RevokeUserResponse:
        """Revoke the tokens of a user, or those of them that name an organisation (R24)."""
        utilisateur_id = opaque_id(required(request.utilisateur_id, "utilisateur_id"), "utilisateur_id")
        assert utilisateur_id is not None
        avant, motif = _past(request), one_of(request.motif, FINS, "motif")
        async with self._db.transaction() as tx:
            await revoke_user(tx, utilisateur_id, avant, motif, request.organisation_id)
        return pb.RevokeUserResponse(success=True)

    async def GetJwks(self, request: pb.GetJwksRequest, context: Context) -> pb.GetJwksResponse:
        """Publish the keys that verify our tokens, the next and the retired ones included (R8)."""
        return pb.GetJwksResponse(jwks=await self._keyring.document())


async def _revoked(database: Database, request: pb.ListRevokedRequest) -> pb.ListRevokedResponse:
    now = clock.now()
    revocations, more = await revoked_since(database.read(), instant(request.depuis), request.pagination)
    response = pb.ListRevokedResponse(revocations=revocations, maintenant=timestamp(now))
    response.pagination.next_page_token = more
    return response


def _past(request: pb.RevokeUserRequest) -> datetime:
    """The instant of *request*. Raises ChampRequis; DateInvalide above 30 seconds ahead."""
    if not request.HasField("avant"):
        raise ChampRequis(champ="avant")
    avant = instant(request.avant)
    if avant > clock.now() + _AHEAD:
        raise DateInvalide(champ="avant")
    return avant


def _claims(identity: Identity) -> dict[str, Any]:
    return dict(identity.claims)
