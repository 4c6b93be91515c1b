"""A server behind the whole pipeline that tells who and what came through it.

It serves one method of a real contract on a real database, and trusts issuers of every
kind side by side, so that any token can be tried on it.
"""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceServicer
from db_utils import Database, clock
from grpc_utils import (
    Address,
    Authenticator,
    Context,
    FixedKey,
    Guards,
    Identity,
    Issuer,
    Jwks,
    KeyPair,
    Server,
    ServiceSigner,
    Tenancy,
    TokenVerifier,
    caller,
    new_key_pair,
    service_issuers,
)

from service_testing.http2 import Answer, Headers, Http2Connection
from service_testing.issuer import IdentityProvider, identity_provider
from service_testing.link import DatabaseLink, database_link
from service_testing.servers import fresh_database
from service_testing.tokens import compact, hmac_by

METHOD = "/dashboard.DashboardKpisService/GetKpis"
SHARED, OWN, AUDIENCE = "crm", "crm-auth", "crm"
CALLEE = "dashboard"
_CALLERS = ("email", "factures")


class Probe(DashboardKpisServiceServicer):
    """The server of the tests.

    *secret* is that of HS256 tokens (issuer "crm" or none), *keycloak* an issuer that wants
    `typ` "Bearer", *auth* the issuer "crm-auth" that wants the audience "crm", *services*
    the key pairs of the services that may call. *callers* are those that reached the handler.
    """

    def __init__(self, database: Database, link: DatabaseLink, *providers: IdentityProvider) -> None:
        self.keycloak, self.auth = providers
        self.secret = secrets.token_bytes(48)
        self.services = {name: new_key_pair() for name in _CALLERS}
        self.callers: list[Identity] = []
        self.address = ""
        self._database, self._link = database, link

    async def GetKpis(self, request: pb.DashboardFilters, context: Context) -> pb.GetKpisResponse:
        """Note who calls and ask the database something."""
        self.callers.append(caller())
        await self._database.ping()
        return pb.GetKpisResponse()

    async def GetTresorerie(self, request: pb.DashboardFilters, context: Context) -> pb.GetTresorerieResponse:
        """Answer nothing: no test asks."""
        return pb.GetTresorerieResponse()

    def claims(self, **changes: object) -> dict[str, object]:
        """The claims of a valid HS256 token with *changes*; None removes one."""
        now = int(clock.timestamp())
        claims: dict[str, object] = {"iss": SHARED, "sub": "user-1", "iat": now, "exp": now + 600}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(self, **changes: object) -> str:
        """A valid HS256 token with *changes* to its claims."""
        return compact({"alg": "HS256", "typ": "JWT"}, self.claims(**changes), hmac_by(self.secret))

    def service_token(self, name: str = "email", callee: str = CALLEE, *, by: KeyPair | None = None) -> str:
        """The token with which service *name* calls *callee*, signed by its own key or *by* another."""
        return ServiceSigner(name, (by or self.services[name]).private).token(callee, None)

    def issuers(self) -> list[Issuer]:
        """Those whose tokens the server takes."""
        secret = FixedKey(self.secret)
        public = ",".join(f"{name}:{pair.public}" for name, pair in self.services.items())
        return [
            Issuer(SHARED, "HS256", secret),
            Issuer("", "HS256", secret),
            Issuer(self.keycloak.issuer, "RS256", Jwks(self.keycloak.jwks_url), (), False, "Bearer"),
            Issuer(OWN, "RS256", Jwks(self.auth.jwks_url), (AUDIENCE,)),
            *service_issuers(public, CALLEE),
        ]

    async def accepts(self, metadata: Headers) -> Identity:
        """Call with *metadata*; the identity that the handler saw. Raises AssertionError."""
        known = len(self.callers)
        answer = await self._call(METHOD, metadata)
        assert (answer.status, len(self.callers)) == (grpc.StatusCode.OK.value[0], known + 1), answer
        return self.callers[-1]

    async def refuses(
        self,
        metadata: Headers,
        *,
        path: str = METHOD,
        code: grpc.StatusCode = grpc.StatusCode.UNAUTHENTICATED,
    ) -> Answer:
        """Call with *metadata*; what the caller is told, after these were asserted.

        The status is *code*, the handler was not entered, nothing went to the database, and a
        valid call is answered afterwards.
        """
        before = len(self.callers), self._link.sent
        answer = await self._call(path, metadata)
        assert answer.status == code.value[0], answer
        assert (len(self.callers), self._link.sent) == before
        await self.accepts(bearer(self.token()))
        return answer

    async def _call(self, path: str, metadata: Headers) -> Answer:
        async with Http2Connection(self.address) as connection:
            return await connection.call(path, metadata)


@asynccontextmanager
async def probe() -> AsyncIterator[Probe]:
    """A probe that serves."""
    async with AsyncExitStack() as stack:
        providers = [await stack.enter_async_context(identity_provider(first)) for first in (1, 100)]
        link = await stack.enter_async_context(database_link(fresh_database()))
        database = Database(link.url, "clients", pool_size=1)
        await database.open()
        stack.push_async_callback(database.close)
        made = Probe(database, link, *providers)
        guards = Guards(Authenticator(TokenVerifier(made.issuers())), Tenancy(), None)
        server = Server(CALLEE, [made], guards, alive=_always, reflect=False)
        made.address = f"127.0.0.1:{await server.start(Address('127.0.0.1', 0))}"
        stack.push_async_callback(server.stop, 0.0)
        await made.accepts(bearer(made.token()))
        yield made


async def _always() -> None: ...


def bearer(token: str | bytes) -> Iterable[tuple[bytes, bytes]]:
    """The metadata that carry *token*."""
    raw = token.encode("latin-1") if isinstance(token, str) else token
    return [(b"authorization", b"Bearer " + raw)]
