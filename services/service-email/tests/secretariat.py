"""An organisation that writes from mailboxes of its own, with its mails, which leave when told to."""

from datetime import timedelta
from typing import Any

from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import BoiteMailServiceStub, EmailServiceStub, ModeleServiceStub
from db_utils import clock
from service_email.delivery import deliver
from service_email.models import BoiteMail
from service_kit import App
from service_testing import Mesh
from service_testing.smtp import SmtpServer

LOGIN = ("ventes@exemple.fr", "un mot de passe")
"""The name and password that the server of mailboxes asks for."""


def at(server: SmtpServer, **fields: Any) -> dict[str, Any]:
    """The fields of a mailbox at *server*, without encryption, with LOGIN."""
    usual = {
        "nom": "Ventes",
        "adresse_email": LOGIN[0],
        "smtp_host": server.host,
        "smtp_port": server.port,
        "securite": "aucune",
        "username": LOGIN[0],
        "mot_de_passe": LOGIN[1],
    }
    return usual | fields


class Bureau:
    """The calls of a member of an organisation, and a worker that runs when told to."""

    def __init__(self, mesh: Mesh, org: str, user: str = "user-1") -> None:
        self.mesh, self.org, self.user = mesh, org, user
        self.app: Any = mesh["email"].app
        claims = {"organisation": org, "user": user}
        self.emails = mesh.stub(EmailServiceStub, **claims)
        self.boites = mesh.stub(BoiteMailServiceStub, **claims)
        self.modeles = mesh.stub(ModeleServiceStub, **claims)
        self._stored_at = clock.now()

    def colleague(self, user: str) -> "Bureau":
        """Another member of the organisation."""
        return Bureau(self.mesh, self.org, user)

    async def boite(self, server: SmtpServer, **fields: Any) -> pb.BoiteMail:
        """A new mailbox at *server*; *fields* replace the usual ones."""
        return await self.boites.Create(pb.CreateBoiteMailRequest(**at(server, **fields)))

    async def read(self, boite: pb.BoiteMail) -> pb.BoiteMail:
        """The mailbox as it is now."""
        return await self.boites.Get(pb.GetBoiteMailRequest(id=boite.id))

    async def row(self, boite: pb.BoiteMail) -> BoiteMail:
        """The row of the mailbox."""
        row: BoiteMail | None = await self.app.database.read().get(BoiteMail, boite.id)
        assert row is not None
        return row

    def request(self, **fields: Any) -> pb.SendRequest:
        """A small mail; *fields* replace the usual ones."""
        people = [pb.Destinataire(email="jean@exemple.fr")]
        return pb.SendRequest(**({"a": people, "sujet": "Bonjour", "corps_texte": "Bonjour."} | fields))

    async def send(self, **fields: Any) -> pb.Message:
        """Store a small mail."""
        message = await self.emails.Send(self.request(**fields))
        self._stored_at = clock.now()
        return message

    async def deliver(self, after: timedelta = timedelta(), **settings: Any) -> None:
        """Run a worker as if *after* had passed since the last mail was stored, with other *settings*."""
        app = self.app
        if settings:
            app = App(app.settings.model_copy(update=settings), app.database, app.peers)
        with clock.frozen_at(self._stored_at + after):
            await deliver(app)

    async def message(self, sent: pb.Message) -> pb.Message:
        """The message as it is now."""
        return await self.emails.Get(pb.GetMessageRequest(id=sent.id))

    async def state(self, sent: pb.Message) -> tuple[str, int, str]:
        """The statut of the message, its attempts and its last error."""
        message = await self.message(sent)
        return message.statut, message.tentatives, message.derniere_erreur
