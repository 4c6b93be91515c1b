"""The broker as `compose/prod` configures it: every process may do what it needs, with its own login."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from crm.auth.auth_pb2 import LoginRequest, LogoutRequest
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.notifications.notifications_pb2 import ListNotificationsRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from crm.users.users_pb2 import CreateUtilisateurRequest
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from crm_cli.stack import secret_lines
from grpc import StatusCode
from nats_utils import declare, declared
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.registry import processes
from service_kit.testing import Mesh, code_of, eventually, running

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


async def sign_in_and_out(mesh: Mesh) -> str:
    """A token that its bearer has given back."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    email, password = "ada@example.com", "une phrase de passe"
    await people.Create(
        CreateUtilisateurRequest(nom="Lovelace", prenom="Ada", email=email, mot_de_passe=password)
    )
    gate = mesh.service_stub(AuthServiceStub, caller="gateway")
    token = str((await gate.Login(LoginRequest(email=email, mot_de_passe=password, ip="10.0.0.1"))).token)
    await AuthServiceStub(mesh.channel("auth", token)).Logout(LogoutRequest())
    return token


async def test_every_process_may_do_what_it_needs(broker: ProductionNats) -> None:
    """Events, their effects and revocations pass, and nobody tries what he may not."""
    async with running(*processes().values(), broker=broker) as mesh:
        clients = mesh.stub(ClientBaseServiceStub, organisation="org-1")
        await clients.Create(clients_pb2.CreateClientBaseRequest(nom="Test", prenom="User"))
        notifications = mesh.stub(NotificationServiceStub, organisation="org-1")

        async def told() -> bool:
            return bool((await notifications.List(ListNotificationsRequest())).notifications)

        await eventually(told)
        left = ClientBaseServiceStub(mesh.channel("clients", await sign_in_and_out(mesh)))

        async def refused() -> bool:
            request = clients_pb2.ListClientBasesRequest()
            return await code_of(left.List(request)) == StatusCode.UNAUTHENTICATED

        await eventually(refused)
    assert "Violation" not in broker.log.read_text()
