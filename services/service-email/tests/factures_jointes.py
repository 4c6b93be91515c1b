"""Invoices of a real factures service, and what came of the mails about them."""

from datetime import timedelta
from typing import Any

from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import AdresseServiceStub, ClientBaseServiceStub
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from db_utils import clock, uuid7
from service_email import models
from service_email.delivery import deliver
from service_testing import Mesh, eventually
from sqlalchemy import delete, func, select

_COUNTED = select(func.count()).select_from(models.ContenuPiece)
_SELLER: dict[str, Any] = {
    "company_name": "Atelier Élan",
    "company_address": "3 rue des Œillets",
    "siren": "552100554",
    "siret": "55210055400013",
    "tva_intracom": "FR96552100554",
    "iban": "FR1420041010050500013M02606",
    "bic": "BNPAFRPP",
    "email": "factures@exemple.fr",
}


class Facturation:
    """An organisation that sends invoices, with its mails, which leave when told to."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self.mesh, self.org = mesh, org
        self.app: Any = mesh["email"].app
        self.emails = mesh.stub(EmailServiceStub, organisation=org)
        self.factures = mesh.stub(InvoiceServiceStub, organisation=org)
        self._stored_at = clock.now()

    async def identify(self) -> None:
        """Tell who sells, without which an invoice has no document."""
        settings = self.mesh.stub(FactureSettingsServiceStub, organisation=self.org)
        await settings.Save(factures_pb2.SaveFactureSettingsRequest(**_SELLER))

    async def found(self) -> None:
        """Wait until email reaches factures, which may have been away."""
        await eventually(lambda: self.app.peers.serving("factures"))

    async def issued(self) -> factures_pb2.Facture:
        """A new invoice of 1000 € to Jean Dupont, once its mail is stored."""
        request = factures_pb2.CreateFactureRequest(client_id=await self._client(), montant=1000.0)
        facture = await self.factures.Create(request)
        await eventually(self._stored, timeout=30)
        self._stored_at = clock.now()
        return facture

    async def announced(self, invoice_id: str) -> None:
        """The event of an invoice that factures may not have, seen through."""
        await self.mesh.deliver(
            InvoiceCreatedEvent(
                event_id=str(uuid7()),
                organisation_id=self.org,
                client_id=await self._client(),
                invoice_id=invoice_id,
                montant=1000.0,
                numero="FAC2026000001",
            )
        )
        self._stored_at = clock.now()

    async def deliver(self, after: timedelta = timedelta()) -> None:
        """Run a worker as if *after* had passed since the mail was stored."""
        with clock.frozen_at(self._stored_at + after):
            await deliver(self.app)

    async def message(self) -> pb.Message:
        """The only message about an invoice, as a person reads it."""
        (listed,) = await self._stored()
        return await self.emails.Get(pb.GetMessageRequest(id=listed.id))

    async def contents(self) -> int:
        """The number of attachments whose bytes are stored."""
        mine = _COUNTED.where(models.ContenuPiece.organisation_id == self.org)
        count: int = await self.app.database.read().one(mine)
        return count

    async def download(self, facture: factures_pb2.Facture) -> factures_pb2.DownloadFactureResponse:
        """The document as factures gives it."""
        return await self.factures.Download(factures_pb2.DownloadFactureRequest(id=facture.id))

    async def _stored(self) -> list[pb.Message]:
        page = await self.emails.List(pb.ListMessagesRequest(modele_code="FACTURE_EMISE"))
        return list(page.messages)

    async def _client(self) -> str:
        """The id of a new client with an address, whose welcome mail is forgotten."""
        clients = self.mesh.stub(ClientBaseServiceStub, organisation=self.org)
        client = await clients.Create(
            clients_pb2.CreateClientBaseRequest(nom="Dupont", prenom="Jean", email="jean@exemple.fr")
        )
        adresses = self.mesh.stub(AdresseServiceStub, organisation=self.org)
        place = {"ligne1": "1 rue du Lac", "code_postal": "75002", "ville": "Paris", "pays": "France"}
        await adresses.Create(clients_pb2.CreateAdresseRequest(client_base_id=client.id, **place))
        await eventually(lambda: self._forgotten(f"client.created:{client.id}"), timeout=30)
        return client.id

    async def _forgotten(self, cle: str) -> bool:
        async with self.app.database.transaction() as tx:
            return bool(await tx.execute(delete(models.Message).where(models.Message.cle_idempotence == cle)))
