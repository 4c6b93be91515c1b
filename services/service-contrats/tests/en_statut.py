"""Contracts of the tests in any statut, brought there by calls and jobs alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from db_utils import clock
from service_contrats.expiration import expire_contrats
from service_testing import Mesh

NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)  # in Paris
MONTHLY: dict[str, Any] = {"montant": 49.90, "frequence_facturation": "MENSUELLE", "duree_mois": 12}
SHORT: dict[str, Any] = {"client_id": "client-123", "produit_id": "prod-456"}


class Contracts:
    """Maker of contracts of one organisation; fields are those of Create."""

    def __init__(
        self, mesh: Mesh, contrats: ContratServiceStub, orchestrations: ContractOrchestrationServiceStub
    ) -> None:
        self._mesh, self._contrats, self._orchestrations = mesh, contrats, orchestrations

    async def signed(self, **fields: Any) -> pb.Contrat:
        """A contract that was signed on the spot."""
        return await self._contrats.Create(pb.CreateContratRequest(**(SHORT | fields)))

    async def draft(self, **fields: Any) -> pb.Contrat:
        """A draft, monthly for a year."""
        return await self.signed(**({"statut_initial": "BROUILLON"} | MONTHLY | fields))

    async def active(self, **fields: Any) -> pb.Contrat:
        """A contract that was activated on the day of its signature."""
        contrat = await self.signed(**fields)
        return await self.activated(contrat.id)

    async def activated(self, contrat_id: str, **fields: Any) -> pb.Contrat:
        """The contract, activated; fields as in Activer."""
        request = pb.ActiverContratRequest(contrat_id=contrat_id, **fields)
        return (await self._orchestrations.Activer(request)).contrat

    async def suspended(self, contrat_id: str) -> pb.Contrat:
        """The contract, suspended."""
        request = pb.SuspendreContratRequest(contrat_id=contrat_id, motif="impayé")
        return (await self._orchestrations.Suspendre(request)).contrat

    async def terminated(self, contrat_id: str, **fields: Any) -> pb.Contrat:
        """The contract, terminated; fields as in Resilier."""
        request = pb.ResilierContratRequest(contrat_id=contrat_id, **({"motif": "départ"} | fields))
        return (await self._orchestrations.Resilier(request)).contrat

    async def cancelled(self, contrat_id: str) -> pb.Contrat:
        """The contract, cancelled."""
        return await self._contrats.Annuler(pb.AnnulerContratRequest(id=contrat_id, motif="erreur"))

    async def expired(self, contrat_id: str) -> pb.Contrat:
        """The contract after the job that expires it, two days after its end."""
        contrat = await self.read(contrat_id)
        end = datetime.fromisoformat(contrat.date_fin).replace(tzinfo=UTC)
        with clock.frozen_at(end + timedelta(days=2)):
            await expire_contrats(self._mesh["contrats"].app)
        return await self.read(contrat_id)

    async def read(self, contrat_id: str) -> pb.Contrat:
        """The contract as it is now."""
        return await self._contrats.Get(pb.GetContratRequest(id=contrat_id))

    async def details(self, contrat_id: str) -> pb.GetContratWithDetailsResponse:
        """The contract with its lines and its history."""
        return await self._contrats.GetWithDetails(pb.GetContratWithDetailsRequest(id=contrat_id))

    async def in_statut(self, statut: str) -> pb.Contrat:
        """A contract in *statut*."""
        if statut == "BROUILLON":
            return await self.draft()
        contrat = await self.signed(**MONTHLY)
        if statut == "SIGNE":
            return contrat
        if statut == "ANNULE":
            return await self.cancelled(contrat.id)
        contrat = await self.activated(contrat.id)
        if statut == "ACTIF":
            return contrat
        ways = {"SUSPENDU": self.suspended, "RESILIE": self.terminated, "EXPIRE": self.expired}
        return await ways[statut](contrat.id)
