"""The contrats service as far as documents calls it: a real server with the contracts of a test."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceServicer
from crm.events.business_pb2 import ContractSignedEvent
from crm.organisations.organisations_pb2 import GetOrganisationRequest, Organisation
from crm.organisations.organisations_pb2_grpc import OrganisationServiceServicer
from db_utils import uuid7
from grpc_utils import Context, caller, found, timestamp
from grpc_utils.errors import Refusal
from service_testing.doubles import double

SIGNED = datetime(2026, 3, 5, 10, 30, tzinfo=UTC)


@dataclass
class Heard:
    """The contracts that exist, the next refusals, and who has asked for which contract."""

    contrats: dict[str, pb.GetContratWithDetailsResponse] = field(default_factory=dict)
    failures: list[Refusal] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, org: str, **fields: Any) -> pb.Contrat:
        """Add the contract of the worked example, with these fields instead of its own."""
        usual = {
            "id": str(uuid7()),
            "organisation_id": org,
            "reference": "CTR-2026-000001",
            "titre": "Téléphonie",
            "statut": "SIGNE",
            "client_id": "client-123",
            "produit_id": "prod-456",
            "date_debut": "2026-03-05",
            "date_fin": "2027-03-04",
            "date_signature": timestamp(SIGNED),
            "signataire_nom": "Anne Martin",
            "montant": 49.90,
            "nombre_echeances": 12,
            "montant_total": 598.80,
            "devise": "EUR",
            "frequence_facturation": "MENSUELLE",
            "duree_mois": 12,
        }
        contrat = pb.Contrat(**{**usual, **fields})
        ligne = pb.LigneContrat(produit_id="prod-456", libelle="Forfait Pro", quantite=1, prix_unitaire=49.90)
        self.contrats[contrat.id] = pb.GetContratWithDetailsResponse(contrat=contrat, lignes=[ligne])
        return contrat


@double
class Contrats(ContratServiceServicer):
    """Contracts, as far as documents asks for them."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        heard.may_answer.set()

    async def GetWithDetails(
        self, request: pb.GetContratWithDetailsRequest, context: Context
    ) -> pb.GetContratWithDetailsResponse:
        """Return a contract, or refuse as the test has ordered."""
        self._heard.asked.append((request.id, caller().subject))
        await self._heard.may_answer.wait()
        if self._heard.failures:
            raise self._heard.failures.pop(0)
        return found(self._heard.contrats.get(request.id))


@double
class Organisations(OrganisationServiceServicer):
    """An organisations service that knows nobody."""

    async def Get(self, request: GetOrganisationRequest, context: Context) -> Organisation:
        """Refuse."""
        return found(None)


def organisations_of_nobody() -> object:
    """The double that knows no organisation."""
    kind: Any = Organisations  # abstract for mypy, as below
    return kind()


def contrats_of(heard: Heard) -> object:
    """The double that answers what *heard* says."""
    kind: Any = Contrats  # abstract for mypy, which does not see what `double` adds
    return kind(heard)


def signature_of(contrat: pb.Contrat) -> ContractSignedEvent:
    """The event that announces the signature of *contrat*."""
    return ContractSignedEvent(
        event_id=str(uuid7()),
        timestamp=contrat.date_signature,
        correlation_id="essai",
        contrat_id=contrat.id,
        client_id=contrat.client_id,
        produit_id=contrat.produit_id,
        montant_total=contrat.montant_total,
        date_signature=contrat.date_signature,
        organisation_id=contrat.organisation_id,
    )
