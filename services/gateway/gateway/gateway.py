"""The gateway as a process: its server, its connections to the mesh, and the order of its end.

`web.py` has the layers of a request; nothing of HTTP is decided here.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import Final

from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.users.users_pb2_grpc import SyncServiceStub
from db_utils import clock
from grpc_utils import Issuer, Peers, PortTaken
from nats_utils import Bus, declared, end
from service_kit import keep_running
from service_kit.revocations import RevocationWatch, asking
from trace_utils import tracer_of

from gateway.documentation import Documentation
from gateway.google import GoogleSignIn
from gateway.integrations import Accounts
from gateway.keys import PublishedKeys
from gateway.listener import HttpServer
from gateway.operations import Operations
from gateway.policies import CONNECT_CALLBACK, GOOGLE_CALLBACK
from gateway.profiles import Profiles
from gateway.sessions import Sessions
from gateway.settings import GatewaySettings
from gateway.synchronisation import Synchronisation
from gateway.visits import Visits
from gateway.web import application
from gateway.webhooks import Webhooks

_log = logging.getLogger(__name__)
NAME: Final = "gateway"


class Gateway:
    """The gateway with *settings*; *addresses* say where the services listen."""

    def __init__(self, settings: GatewaySettings, addresses: Mapping[str, str]) -> None:
        self.settings, self.port = settings, 0
        self.bus = Bus(settings.nats_url, f"crm-{NAME}", declared(replicas=settings.nats_replicas))
        self._addresses, self._signer = addresses, settings.signer(NAME)
        self._peers: list[Peers] = []
        keys = PublishedKeys(self._own_peers().stub(TokenServiceStub))
        own = Issuer(
            settings.jwt_issuer, "RS256", keys.key_set(), (settings.jwt_audience,), now=clock.timestamp
        )
        authenticator = settings.authenticator(NAME, [own])
        ask = asking(self._own_peers()) if self._signer is not None else None
        self._watch = RevocationWatch(NAME, authenticator.revocations, self.bus, ask)
        self._visits = Visits(self._own_peers().stub(SyncServiceStub))
        google = GoogleSignIn(self._own_peers(), settings)
        accounts = Accounts(self._own_peers(), settings, self._visits)
        endpoints = (
            Sessions(self._own_peers(), self._visits),
            google,
            Profiles(self._own_peers(), self._visits),
            Webhooks(self._own_peers(), settings),
            Synchronisation(self._own_peers()),
            accounts,
            Operations(self._own_peers(), keys, settings, self._watch.in_step),
            Documentation(settings, addresses),
        )
        pages = {GOOGLE_CALLBACK: google.failed, CONNECT_CALLBACK: accounts.failed}
        app = application([one.router() for one in endpoints], authenticator, settings, pages)
        self._server = HttpServer(app, settings.request_timeout_s, settings.shutdown_grace_s)
        self._following: list[asyncio.Task[None]] = []

    @property
    def serving(self) -> bool:
        """Tell whether it answers requests."""
        return self._server.serving

    async def start(self) -> None:
        """Serve. Raises PortTaken; missing services and a missing broker are waited for."""
        for lenience in self.settings.leniences:
            _log.warning(lenience)
        listening = _listening(self.settings.gateway_host, self.settings.gateway_port)
        self.port = listening.getsockname()[1]
        await self._server.start(listening)
        self.bus.start()
        watching = keep_running("revocations", self._watch.run)
        self._following = [asyncio.create_task(watching, name="revocations")]

    async def stop(self) -> None:
        """Come to rest; requests under way get the settings' grace."""
        await self._server.stop()
        await self._visits.stop()
        await end(*self._following)
        await self.bus.close()
        for peers in self._peers:
            await peers.close()

    def _own_peers(self) -> Peers:
        """Peers of one endpoint group: a callee that is silent there opens no circuit elsewhere."""
        self._peers.append(Peers(self._addresses, self._signer, tracer=tracer_of(NAME)))
        return self._peers[-1]


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError:
        raise PortTaken(
            f"port {port} on {host} is taken: stop what listens there, or set GATEWAY_PORT"
        ) from None
