"""The contrats service, run once for all tests of this folder, amid those that it calls.

Payments is a double (`autour`), the others are the real ones. Jobs rest; tests run them.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import (
    ContractOrchestrationServiceStub,
    ContratServiceStub,
    LigneContratServiceStub,
    StatistiquesContratServiceStub,
)
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from crm.products.products_pb2_grpc import ProduitServiceStub
from db_utils import clock
from service_contrats.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.fixtures import of_member, of_stranger
from tests.autour import Autour
from tests.en_statut import NOON, Contracts
from tests.rayon import new_produit

contrats = of_member(ContratServiceStub)
orchestrations = of_member(ContractOrchestrationServiceStub)
lignes = of_member(LigneContratServiceStub)
statistiques = of_member(StatistiquesContratServiceStub)
clients = of_member(ClientBaseServiceStub)
produits = of_member(ProduitServiceStub)
apporteurs = of_member(ApporteurServiceStub)
notifications = of_member(NotificationServiceStub)
foreign_contrats = of_stranger(ContratServiceStub)
foreign_orchestrations = of_stranger(ContractOrchestrationServiceStub)
foreign_lignes = of_stranger(LigneContratServiceStub)
foreign_clients = of_stranger(ClientBaseServiceStub)
foreign_produits = of_stranger(ProduitServiceStub)


@pytest.fixture(scope="package")
def around() -> Autour:
    """What the double of payments knows and has heard."""
    return Autour()


@pytest.fixture(scope="package")
async def mesh(around: Autour) -> AsyncIterator[Mesh]:
    """Everything runs but the jobs of contrats."""
    idle = replace(SERVICE, workers=())
    known = map(service_named, ("clients", "commerciaux", "notifications", "products"))
    async with running(idle, *known, around.service(), user_sync_enabled=False) as mesh:
        yield mesh


@pytest.fixture
def noon() -> Iterator[datetime]:
    """Noon of 10 March 2026 in Paris, at which the clock stands still."""
    with clock.frozen_at(NOON):
        yield NOON


@pytest.fixture
def made(
    mesh: Mesh, contrats: ContratServiceStub, orchestrations: ContractOrchestrationServiceStub
) -> Contracts:
    """Maker of contracts."""
    return Contracts(mesh, contrats, orchestrations)


@pytest.fixture
async def draft(made: Contracts) -> pb.Contrat:
    """A draft of client-123, of one line at 49.90, monthly for a year."""
    return await made.draft()


@pytest.fixture
async def produit(produits: ProduitServiceStub) -> str:
    """The id of a product of the organisation that costs 49.90 with 20 % of VAT."""
    return await new_produit(produits)
