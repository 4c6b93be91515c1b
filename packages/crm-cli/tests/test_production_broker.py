"""The broker as `compose/prod` configures it: every process may do what it needs, with its own login."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from crm.auth.auth_pb2 import LoginRequest, LogoutRequest
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.clients.clients_pb2 import CreateClientBaseRequest, ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.notifications.notifications_pb2 import StreamNotificationsRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from crm.users.users_pb2 import CreateUtilisateurRequest
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from crm_cli.stack import secret_lines
from db_utils import uuid7
from grpc import StatusCode
from nats.aio.msg import Msg
from nats_utils import declare, declared, live_subjects
from nats_utils.events import REVOCATIONS_STREAM
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.registry import processes
from service_testing import Mesh, code_of, eventually, running

CONFIG = Path(__file__).parents[3] / "compose" / "prod" / "nats.conf"


class ProductionNats(EmbeddedNats):
    """nats-server with the production configuration; only its addresses and its folder are ours."""

    def __init__(self, folder: Path, port: int, passwords: dict[str, str]) -> None:
        super().__init__(folder, port)
        self._passwords = passwords

    @property
    def url(self) -> str:
        """Where the administrator connects."""
        return self.url_of("admin")

    def url_of(self, user: str) -> str:
        """Where *user* connects, with his own password."""
        return f"nats://{user}:{self._passwords[f'{user.upper()}_NATS_PASSWORD']}@127.0.0.1:{self.port}"

    def _configuration(self) -> str:
        text = CONFIG.read_text()
        for given, ours in (
            ("0.0.0.0:4222", f'"127.0.0.1:{self.port}"'),
            ("0.0.0.0:8222", '"127.0.0.1:-1"'),
            ("/data", f'"{self.store}"'),
        ):
            assert given in text
            text = text.replace(given, ours)
        return text

    async def lose(self, stream: str) -> None:
        """Have the administrator delete *stream*."""
        client = await nats.connect(self.url)
        await client.jetstream().delete_stream(stream)
        await client.close()


@pytest.fixture
async def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProductionNats]:
    """The broker, with the streams that `crm migrate` declares."""
    passwords = dict(line.split("=", 1) for line in secret_lines(processes()) if "_NATS_PASSWORD=" in line)
    for name, value in passwords.items():
        monkeypatch.setenv(name, value)
    server = ProductionNats(tmp_path, free_port(), passwords)
    server.start()
    client = await nats.connect(server.url)
    await declare(client.jetstream(), declared())
    await client.close()
    yield server
    server.stop()


async def signed_in(mesh: Mesh) -> str:
    """A token of somebody new."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    email, password = f"ada-{uuid7()}@example.com", "une phrase de passe"
    await people.Create(
        CreateUtilisateurRequest(nom="Lovelace", prenom="Ada", email=email, mot_de_passe=password)
    )
    gate = mesh.service_stub(AuthServiceStub, caller="gateway")
    return str((await gate.Login(LoginRequest(email=email, mot_de_passe=password, ip="10.0.0.1"))).token)


async def refused_after_logout(mesh: Mesh, token: str) -> None:
    """Give *token* back; return when another service refuses it."""
    await AuthServiceStub(mesh.channel("auth", token)).Logout(LogoutRequest())
    clients = ClientBaseServiceStub(mesh.channel("clients", token))

    async def is_refused() -> bool:
        return await code_of(clients.List(ListClientBasesRequest())) == StatusCode.UNAUTHENTICATED

    await eventually(is_refused)


async def test_every_process_may_do_what_it_needs(broker: ProductionNats) -> None:
    """Events, their effects and revocations pass, and nobody tries what he may not.

    A lost bucket only the administrator makes anew: until then, revocations are asked of auth.
    """
    async with running(*processes().values(), broker=broker) as mesh:
        clients = mesh.stub(ClientBaseServiceStub, organisation="org-1")
        notifications = mesh.stub(NotificationServiceStub, organisation="org-1")
        stream = notifications.Stream(StreamNotificationsRequest())
        events = aiter(stream)
        assert (await anext(events)).type == "pret"
        await clients.Create(CreateClientBaseRequest(nom="Test", prenom="User"))
        assert (await anext(events)).type == "notification.new"
        stream.cancel()
        first, second = await signed_in(mesh), await signed_in(mesh)
        await refused_after_logout(mesh, first)
        assert "Violation" not in broker.log.read_text()
        await broker.lose(REVOCATIONS_STREAM)
        await refused_after_logout(mesh, second)


async def test_only_notifications_talks_about_notifications(broker: ProductionNats) -> None:
    """Its instances hear each other; another service can neither speak nor listen there."""
    subject, heard = "crm.live.notifications.org-1", []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    async def note(error: Exception) -> None:
        refusals.append(str(error))

    refusals: list[str] = []
    own = await nats.connect(broker.url_of("notifications"))
    foreign = await nats.connect(broker.url_of("clients"), error_cb=note)
    try:
        await own.subscribe(live_subjects("notifications"), cb=hear)
        await own.flush()
        await foreign.publish(subject, b"foreign")
        await foreign.subscribe(subject, cb=hear)
        await eventually(lambda: len(refusals) == 2)
        await own.publish(subject, b"own")
        await eventually(lambda: heard)
    finally:
        await own.close()
        await foreign.close()
    assert heard == [b"own"]
    assert all("permissions violation" in refusal.lower() for refusal in refusals)
