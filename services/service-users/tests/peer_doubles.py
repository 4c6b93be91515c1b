"""Doubles of the services that users sends commands to: real servers that note their calls.

Commands are sent when a test says so; a test reads the calls about its own person.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from crm.auth import auth_pb2
from crm.auth.auth_pb2_grpc import TokenServiceServicer
from crm.email import email_pb2
from crm.email.email_pb2_grpc import EmailServiceServicer
from crm.integrations import integrations_pb2
from crm.integrations.integrations_pb2_grpc import IntegrationServiceServicer
from grpc_utils import (
    Address,
    Authenticator,
    Context,
    Guards,
    Peers,
    Server,
    ServiceSigner,
    Tenancy,
    TokenVerifier,
    service_issuers,
)
from grpc_utils.errors import NotFound, Refusal
from service_kit import App
from service_kit.outgoing.sender import Sender
from service_testing import Mesh
from service_testing.doubles import double
from service_users.outgoing import COMMANDS


class AccountNotFound(NotFound):
    """Ce compte est déjà déconnecté."""


@dataclass
class Heard:
    """Calls that the doubles have noted; *failures* are auth's next refusals, by the user concerned."""

    revoked: list[auth_pb2.RevokeUserRequest] = field(default_factory=list)
    mails: list[email_pb2.SendAccountMailRequest] = field(default_factory=list)
    disconnected: list[integrations_pb2.DisconnectRequest] = field(default_factory=list)
    connected: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, list[Refusal]] = field(default_factory=dict)

    def mails_of(self, utilisateur_id: str) -> list[email_pb2.SendAccountMailRequest]:
        """Return the mails about the account of a user."""
        return [one for one in self.mails if one.utilisateur_id == utilisateur_id]

    def revoked_of(self, utilisateur_id: str) -> list[auth_pb2.RevokeUserRequest]:
        """Return the revocations of a user's tokens."""
        return [one for one in self.revoked if one.utilisateur_id == utilisateur_id]


@double
class Tokens(TokenServiceServicer):
    """Auth, as far as users calls it."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def RevokeUser(
        self, request: auth_pb2.RevokeUserRequest, context: Context
    ) -> auth_pb2.RevokeUserResponse:
        """Note the call, or refuse it as the test has ordered."""
        if failures := self._heard.failures.get(request.utilisateur_id):
            raise failures.pop(0)
        self._heard.revoked.append(request)
        return auth_pb2.RevokeUserResponse(success=True)


@double
class Mails(EmailServiceServicer):
    """Email, as far as users calls it."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def SendAccountMail(
        self, request: email_pb2.SendAccountMailRequest, context: Context
    ) -> email_pb2.Message:
        """Note the call."""
        self._heard.mails.append(request)
        return email_pb2.Message()


@double
class Accounts(IntegrationServiceServicer):
    """Integrations, as far as users calls it: each user has the accounts that the test says."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def List(
        self, request: integrations_pb2.ListIntegrationsRequest, context: Context
    ) -> integrations_pb2.ListIntegrationsResponse:
        """Return the accounts that the user has connected."""
        directory = [
            integrations_pb2.Integration(provider="google", provider_account_id=account)
            for account in self._heard.connected.get(request.user_id, ())
        ]
        return integrations_pb2.ListIntegrationsResponse(integrations=directory)

    async def Disconnect(
        self, request: integrations_pb2.DisconnectRequest, context: Context
    ) -> integrations_pb2.DisconnectResponse:
        """Note the call; the account "gone" was disconnected by somebody else just now."""
        if request.account_id == "gone":
            raise AccountNotFound
        self._heard.disconnected.append(request)
        return integrations_pb2.DisconnectResponse(success=True)


@dataclass(frozen=True)
class PeerDoubles:
    """The doubles, and the users service as it calls them."""

    app: App[Any]
    heard: Heard

    async def send(self) -> Heard:
        """Send what users owes now, and return what was heard so far."""
        for command in COMMANDS:
            await Sender(command).send_due(self.app)
        return self.heard


@asynccontextmanager
async def peer_doubles(mesh: Mesh) -> AsyncIterator[PeerDoubles]:
    """Run auth, email and integrations on free ports, for the users service of *mesh*."""
    heard = Heard()
    made: dict[str, Callable[[Heard], object]] = {"auth": Tokens, "email": Mails, "integrations": Accounts}
    keys = mesh.secrets.keys["users"]
    async with AsyncExitStack() as stack:
        addresses = {}
        for name, servicer in made.items():
            verifier = TokenVerifier(service_issuers(f"users:{keys.public}", name))
            guards = Guards(Authenticator(verifier), Tenancy(), None)
            server = Server(name, [servicer(heard)], guards, alive=_alive, reflect=False)
            addresses[name] = f"127.0.0.1:{await server.start(Address('127.0.0.1', 0))}"
            stack.push_async_callback(server.stop, 0)
        peers = Peers(addresses, ServiceSigner("users", keys.private))
        stack.push_async_callback(peers.close)
        running = mesh["users"].app
        yield PeerDoubles(App(running.settings, running.database, peers), heard)


async def _alive() -> None: ...
