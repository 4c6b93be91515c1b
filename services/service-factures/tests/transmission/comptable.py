"""What the tests of platforms read in the database of the service, and the jobs that they run."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub, TransmissionServiceStub
from db_utils import Scope, within
from lxml import etree
from service_factures.cycles import send_cycles
from service_factures.envois import send_invoices
from service_factures.plateforme_models import CycleSortant
from service_factures.releve import Account, read_account
from service_factures.transmission.cdar import NAMESPACES
from service_kit import App
from sqlalchemy import bindparam, select
from tests.facturation import back, paid
from tests.transmission.accounts import connexion
from tests.transmission.fausse_plateforme import FaussePlateforme

_CYCLES = (
    select(CycleSortant).where(CycleSortant.facture_id == bindparam("facture_id")).order_by(CycleSortant.rang)
)


@dataclass
class Comptable:
    """The service of one organisation, whose jobs run when they are told to."""

    app: App[Any]
    org: str
    factures: InvoiceServiceStub
    payments: InvoiceServiceStub
    transmissions: TransmissionServiceStub

    async def connect(self, fausse: FaussePlateforme, **fields: Any) -> None:
        """Give a société an account, by default the default one."""
        await self.transmissions.SaveConnexion(connexion(fausse.compte, **fields))

    async def send(self, facture: pb.Facture) -> pb.Transmission:
        """Have the document of *facture* made, and what is due sent."""
        await self.factures.Download(pb.DownloadFactureRequest(id=facture.id))
        await send_invoices(self.app)
        return await self.way(facture)

    async def read(self, societe_id: str = "") -> None:
        """Fetch what the platform says."""
        with within(Scope(self.org)):
            await read_account(self.app, Account(self.org, societe_id))

    async def tell(self) -> None:
        """Send the statuses that are due."""
        await send_cycles(self.app)

    async def pay(self, facture: pb.Facture, payment: str, montant: float, **fields: Any) -> None:
        """Note a payment."""
        await self.payments.RegisterPayment(paid(facture, payment, montant, **fields))

    async def take_back(self, facture: pb.Facture, payment: str, key: str, **fields: Any) -> None:
        """Take a payment back."""
        await self.payments.ReversePayment(back(facture, payment, key, **fields))

    async def way(self, facture: pb.Facture) -> pb.Transmission:
        """How far *facture* has come."""
        return await self.transmissions.GetTransmission(pb.GetTransmissionRequest(facture_id=facture.id))

    async def names(self, facture: pb.Facture) -> list[str]:
        """The statuses in its history."""
        return [one.nom for one in (await self.way(facture)).historique]

    async def cycles(self, facture: pb.Facture) -> Sequence[CycleSortant]:
        """The statuses that are owed for it, in their order."""
        with within(Scope(self.org)):
            return await self.app.database.read().all(_CYCLES, facture_id=facture.id)

    async def told(self, facture: pb.Facture) -> list[dict[Decimal, Decimal]]:
        """The amounts of each, by rate."""
        return [amounts(one.cdar) for one in await self.cycles(facture)]


def amounts(cdar: bytes) -> dict[Decimal, Decimal]:
    """What a status 212 says was received at each rate."""
    blocks = etree.fromstring(cdar).iterfind(".//ram:SpecifiedDocumentCharacteristic", NAMESPACES)
    return {
        Decimal(block.findtext("ram:ValuePercent", "", NAMESPACES)): Decimal(
            block.findtext("ram:ValueAmount", "", NAMESPACES)
        )
        for block in blocks
    }


def at(**rates: str) -> dict[Decimal, Decimal]:
    """Amounts by rate: `at(r20="49.90", r5_5="1.00")`."""
    return {Decimal(name[1:].replace("_", ".")): Decimal(amount) for name, amount in rates.items()}
