"""Contracts, products, sociétés and apporteurs of tests, made as their users make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

from crm.clients.clients_pb2 import CreateClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux.commerciaux_pb2 import CreateApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from crm.dashboard import dashboard_pb2 as pb
from crm.organisations.organisations_pb2 import CreateSocieteRequest, EnsureExistsRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from crm.products.products_pb2 import CreateProduitRequest
from crm.products.products_pb2_grpc import ProduitServiceStub
from db_utils import clock, uuid7
from service_testing import Mesh, eventually
from stdnum import luhn

_numbers = count()

NOW = datetime(2026, 4, 20, 10, 0, tzinfo=UTC)
MARCH: dict[str, Any] = {"date_debut": "2026-03-01", "date_fin": "2026-03-31"}
APRIL: dict[str, Any] = {"date_debut": "2026-04-01", "date_fin": "2026-04-30"}


class Ventes:
    """Maker of what an organisation has, and its questions to the dashboard."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self.mesh, self.org = mesh, org

    @contextmanager
    def on(self, day: str) -> Iterator[None]:
        """It is 11 in the morning, UTC, of *day* inside."""
        with clock.frozen_at(datetime.fromisoformat(f"{day}T11:00").replace(tzinfo=UTC)):
            yield

    async def ask(self, kind: Any, method: str, *, now: datetime = NOW, **filters: Any) -> Any:
        """The answer of *method* of the stub *kind* at the instant *now*."""
        with clock.frozen_at(now):
            stub = self.mesh.stub(kind, organisation=self.org)
            return await getattr(stub, method)(pb.DashboardFilters(**filters))

    async def back(self, name: str) -> None:
        """Return when the dashboard reaches the service *name*."""
        await eventually(partial(self.mesh["dashboard"].app.peers.serving, name))

    async def signed(self, day: str, montant: float = 100, **fields: Any) -> str:
        """The id of a contract that was signed on *day*, of one payment unless *fields* say more."""
        usual: dict[str, Any] = {"client_id": "client-123", "produit_id": "prod-456", "montant": montant}
        with self.on(day):
            stub = self.mesh.stub(ContratServiceStub, organisation=self.org)
            return (await stub.Create(contrats_pb2.CreateContratRequest(**(usual | fields)))).id

    async def active(self, day: str, montant: float = 100, **fields: Any) -> str:
        """The id of a contract of monthly payments that has run since *day*."""
        monthly: dict[str, Any] = {"frequence_facturation": "MENSUELLE", "duree_mois": 24}
        contrat_id = await self.signed(day, montant, **(monthly | fields))
        with self.on(day):
            stub = self.mesh.stub(ContractOrchestrationServiceStub, organisation=self.org)
            await stub.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat_id))
        return contrat_id

    async def terminated(self, contrat_id: str, day: str) -> None:
        """The contract ends on *day*."""
        with self.on(day):
            stub = self.mesh.stub(ContractOrchestrationServiceStub, organisation=self.org)
            await stub.Resilier(contrats_pb2.ResilierContratRequest(contrat_id=contrat_id, motif="départ"))

    async def produit(self, nom: str) -> str:
        """The id of a product."""
        stub = self.mesh.stub(ProduitServiceStub, organisation=self.org)
        return (await stub.Create(CreateProduitRequest(sku=f"SKU-{uuid7()}", nom=nom, prix=41.58))).id

    async def societe(self, raison_sociale: str) -> str:
        """The id of a société."""
        organisations = self.mesh.service_stub(OrganisationServiceStub, caller="clients")
        await organisations.EnsureExists(EnsureExistsRequest(id=self.org))
        stub = self.mesh.stub(SocieteServiceStub, organisation=self.org)
        digits = f"{next(_numbers) + 10_000_000:08}"
        siren = digits + luhn.calc_check_digit(digits)
        return (await stub.Create(CreateSocieteRequest(raison_sociale=raison_sociale, siren=siren))).id

    async def apporteur(self, prenom: str, nom: str) -> str:
        """The id of an apporteur."""
        stub = self.mesh.stub(ApporteurServiceStub, organisation=self.org)
        return (await stub.Create(CreateApporteurRequest(prenom=prenom, nom=nom))).id

    async def client_of(self, commercial_id: str, nom: str) -> None:
        """A client whom an apporteur looks after."""
        stub = self.mesh.stub(ClientBaseServiceStub, organisation=self.org)
        await stub.Create(CreateClientBaseRequest(nom=nom, commercial_id=commercial_id))
