"""A sales office: apporteurs, scales, contracts and the money that their clients pay, made by calls alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from crm.commerciaux import commerciaux_pb2
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub, BaremeCommissionServiceStub
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import CommissionServiceStub, RepriseServiceStub
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from crm.events.business_pb2 import PaymentReceivedEvent
from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import PaymentServiceServicer
from crm.products import products_pb2
from crm.products.products_pb2_grpc import ProduitServiceStub
from db_utils import uuid7
from grpc_utils import Context, timestamp
from grpc_utils.errors import Introuvable
from service_commission.models import CommissionAudit
from service_testing import Mesh
from service_testing.doubles import double
from sqlalchemy import select

FEVRIER = date(2026, 2, 5)
_numbers = count(1)


@double
class Payments(PaymentServiceServicer):
    """The payments service: it knows what a test has put into `known`."""

    def __init__(self) -> None:
        self.known: dict[str, payments_pb2.Payment] = {}

    async def Get(self, request: payments_pb2.GetPaymentRequest, context: Context) -> payments_pb2.Payment:
        """Read a payment."""
        if request.id not in self.known:
            raise Introuvable
        return self.known[request.id]


@dataclass
class Ventes:
    """The sales office of *org*; its scale is 10 %, with 3 % of recurrence."""

    mesh: Mesh
    org: str
    payments: Payments
    stubs: dict[Any, Any] = field(default_factory=dict)

    def stub(self, kind: Any) -> Any:
        """A stub for the office."""
        if kind not in self.stubs:
            self.stubs[kind] = self.mesh.stub(kind, organisation_id=self.org)
        return self.stubs[kind]

    async def bareme(self, **fields: Any) -> commerciaux_pb2.Bareme:
        """A scale that applies from January on."""
        usual: dict[str, Any] = {
            "code": f"BAREME-{next(_numbers)}",
            "nom": "Standard",
            "type_calcul": "pourcentage",
            "base_calcul": "cotisation_ht",
            "taux_pourcentage": 10,
            "recurrence_active": True,
            "taux_recurrence": 3,
            "duree_recurrence_mois": 12,
            "date_effet": "2026-01-01",
        }
        request = commerciaux_pb2.CreateBaremeRequest(**(usual | fields))
        bareme: commerciaux_pb2.Bareme = await self.stub(BaremeCommissionServiceStub).Create(request)
        return bareme

    async def apporteur(self, **fields: Any) -> str:
        """A new apporteur."""
        usual = {"nom": f"Nom {next(_numbers)}", "prenom": "Anne"}
        request = commerciaux_pb2.CreateApporteurRequest(**(usual | fields))
        return str((await self.stub(ApporteurServiceStub).Create(request)).id)

    async def contrat(self, commercial_id: str, **fields: Any) -> str:
        """A signed contract of twelve months at 49.90."""
        usual: dict[str, Any] = {
            "client_id": "client-1",
            "commercial_id": commercial_id,
            "montant": 49.90,
            "frequence_facturation": "MENSUELLE",
            "date_debut": "2026-01-01",
            "date_signature": timestamp(datetime(2026, 1, 1, 9, 0, tzinfo=UTC)),
            "produit_id": "prod-1",
        }
        request = contrats_pb2.CreateContratRequest(**(usual | fields))
        return str((await self.stub(ContratServiceStub).Create(request)).id)

    async def resilie(self, contrat_id: str, day: date) -> None:
        """Activate the contract and terminate it on *day*."""
        stub = self.stub(ContractOrchestrationServiceStub)
        await stub.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat_id, date_effet="2026-01-01"))
        await stub.Resilier(
            contrats_pb2.ResilierContratRequest(
                contrat_id=contrat_id, motif="demande du client", date_resiliation=day.isoformat()
            )
        )

    async def produit(self, categorie: str, **fields: Any) -> str:
        """A product."""
        usual: dict[str, Any] = {
            "sku": f"SKU-{next(_numbers)}",
            "nom": "Produit",
            "prix": 41.58,
        }
        request = products_pb2.CreateProduitRequest(categorie=categorie, **(usual | fields))
        return str((await self.stub(ProduitServiceStub).Create(request)).id)

    async def facture(self, **fields: Any) -> str:
        """An invoice of 49.90, of which 41.58 are without taxes."""
        usual: dict[str, Any] = {"client_id": "client-1", "montant": 49.90}
        request = factures_pb2.CreateFactureRequest(**(usual | fields))
        return str((await self.stub(InvoiceServiceStub).Create(request)).id)

    def event(self, contrat_id: str, **fields: Any) -> PaymentReceivedEvent:
        """An announcement of 49.90 received on 5 February."""
        jour = fields.pop("jour", FEVRIER)
        usual: dict[str, Any] = {
            "event_id": str(uuid7()),
            "payment_id": f"payment-{next(_numbers)}",
            "client_id": "client-1",
            "montant": 49.90,
            "date_reception": timestamp(datetime(jour.year, jour.month, jour.day, 12, tzinfo=UTC)),
            "organisation_id": self.org,
            "contrat_id": contrat_id,
        }
        return PaymentReceivedEvent(**(usual | fields))

    async def received(self, contrat_id: str, **fields: Any) -> str:
        """The payment that is received and commissioned."""
        event = self.event(contrat_id, **fields)
        await self.mesh.deliver(event, timeout=30)
        return event.payment_id

    async def rows(self, **filters: Any) -> Sequence[pb.Commission]:
        """The commissions of the office, in the order of their references."""
        stub = self.stub(CommissionServiceStub)
        request = pb.ListCommissionsRequest(**filters)
        request.pagination.page_size = 100
        return sorted((await stub.List(request)).commissions, key=lambda row: row.reference)

    async def figures(self, **filters: Any) -> list[tuple[str, str, float]]:
        """Type, role and amount of each commission."""
        return [(row.type, row.role, row.montant) for row in await self.rows(**filters)]

    async def ignored(self, payment_id: str) -> list[str]:
        """The reasons for which a payment was worth nothing."""
        statement = select(CommissionAudit).where(
            CommissionAudit.organisation_id == self.org, CommissionAudit.ref_id == payment_id
        )
        notes = await self.mesh.database("commission").read().all(statement)
        return [(note.apres or {})["raison"] for note in notes if note.action == "IGNORE"]

    async def taken_back(self, kind: str, **fields: Any) -> pb.DeclencherRepriseResponse:
        """What Declencher answers."""
        told = {"date_evenement": "2026-03-20"} | fields
        request = pb.DeclencherRepriseRequest(type=kind, **told)
        answer: pb.DeclencherRepriseResponse = await self.stub(RepriseServiceStub).Declencher(request)
        return answer
