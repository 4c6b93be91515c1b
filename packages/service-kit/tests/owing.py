"""A service that owes commands (C22), and the real servers that it calls."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceStub
from crm.notifications.notifications_pb2 import CreateNotificationRequest, Notification
from crm.notifications.notifications_pb2_grpc import NotificationServiceServicer
from db_utils import Database, Envelope
from grpc_utils import Context, Peers, ServiceSigner, new_key_pair
from grpc_utils.errors import CleIdempotenceReutilisee, Introuvable
from service_clients.service import SERVICE
from service_kit import App, Settings
from service_kit.outgoing import NOTIFICATION, Command, CommandeSortante, OutgoingCommands, queue
from service_kit.outgoing.sender import Sender
from service_kit.settings import load
from service_testing import fresh_database
from service_testing.callee import CALLER, Callee, serving
from service_testing.doubles import double
from sqlalchemy import select
from trace_utils import tracer_of

DAY = timedelta(days=1)


async def add(peers: Peers, request: pb.CreateStatutClientRequest) -> None:
    """Send the command."""
    await peers.stub(StatutClientServiceStub).Create(request)


ADD = Command("ajout", pb.CreateStatutClientRequest, send=add)
IMPATIENT = replace(ADD, name="impatient", given_up_after=DAY)
SECRET = replace(ADD, name="secret", sealed=("description",))
PATIENT = replace(ADD, name="patient", not_yet=frozenset({Introuvable.reason}))
TOLD = replace(ADD, name="dit", done=frozenset({CleIdempotenceReutilisee.reason}))
COMMANDS = (ADD, IMPATIENT, SECRET, PATIENT, TOLD)
OWING = replace(SERVICE, workers=(), components=(OutgoingCommands(COMMANDS),))


class Sealing(Settings):
    """Settings of a service that seals."""

    def envelope(self) -> Envelope:
        """What seals the secrets of commands."""
        return Envelope("k1:" + base64.b64encode(bytes(32)).decode())


@double
class Notifications(NotificationServiceServicer):
    """Notes the notifications that it is *told*; while it has *failures* it raises them one by one."""

    def __init__(self) -> None:
        self.told: list[CreateNotificationRequest] = []
        self.failures: list[Exception] = []

    async def Create(self, request: CreateNotificationRequest, context: Context) -> Notification:
        """Take one."""
        if self.failures:
            raise self.failures.pop(0)
        self.told.append(request)
        return Notification()


@dataclass(frozen=True)
class Office:
    """A service that owes commands to *callee*, and tells *notifications* of them."""

    app: App[Sealing]
    callee: Callee
    notifications: Notifications

    async def owe(
        self,
        name: str = "n",
        *,
        command: Command[pb.CreateStatutClientRequest] = ADD,
        about: str = "",
        organisation_id: str = "",
    ) -> None:
        """Commit a command whose key and content are *name*."""
        request = pb.CreateStatutClientRequest(code="C", nom=name, description=f"de {name}")
        envelope = self.app.settings.envelope()
        async with self.app.database.transaction() as tx:
            await queue(
                tx,
                command,
                request,
                key=name,
                about=about,
                organisation_id=organisation_id,
                envelope=envelope,
            )

    async def send(self) -> None:
        """Send what is due."""
        for command in (*COMMANDS, NOTIFICATION):
            await Sender(command).send_due(self.app)

    async def rows(self) -> list[CommandeSortante]:
        """All commands, in the order of their writing."""
        return await self.app.database.read().all(select(CommandeSortante).order_by(CommandeSortante.rang))

    async def row(self) -> CommandeSortante:
        """The only command."""
        (row,) = await self.rows()
        return row


@asynccontextmanager
async def an_office() -> AsyncIterator[Office]:
    """A service with its database, and the real servers that it calls."""
    made: Callable[[], Notifications] = Notifications  # whose handlers are complete by `double`
    keys, callee, notifications = new_key_pair(), Callee(), made()
    url = fresh_database(OWING)
    database = Database(url, OWING.name)
    await database.open()
    async with (
        serving(callee, keys) as port,
        serving(notifications, keys, name="notifications") as other,
    ):
        addresses = {"clients": f"127.0.0.1:{port}", "notifications": f"127.0.0.1:{other}"}
        peers = Peers(addresses, ServiceSigner(CALLER, keys.private), tracer=tracer_of(OWING.name))
        settings = load(Sealing, crm_env="test", database_url=url, jwt_secret="x" * 40)
        yield Office(App(settings, database, peers), callee, notifications)
        await peers.close()
    await database.close()
