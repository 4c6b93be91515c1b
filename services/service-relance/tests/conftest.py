"""Mesh of relance with all that it asks and all by which it reminds, run once for all tests here.

Jobs rest: tests call them at the instant they choose, and nothing happens by itself but planning.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from service_kit.registry import service_named
from service_relance.service import SERVICE
from service_testing import Mesh, running
from service_testing.fixtures import of_member, of_stranger
from tests.caisse import Encaissements, Paiements

_BESIDE = (
    "activites",
    "calendar",
    "clients",
    "commerciaux",
    "contrats",
    "email",
    "factures",
    "notifications",
    "organisations",
)

regles = of_member(RegleRelanceServiceStub)
relances = of_member(RelanceServiceStub)
factures = of_member(InvoiceServiceStub)
foreign_factures = of_stranger(InvoiceServiceStub)


@pytest.fixture(scope="package")
def encaissements() -> Encaissements:
    """What the double of payments knows."""
    return Encaissements()


@pytest.fixture(scope="package")
async def mesh(encaissements: Encaissements) -> AsyncIterator[Mesh]:
    """Everything is real but payments."""
    services = (replace(one, workers=()) for one in (SERVICE, *map(service_named, _BESIDE)))
    payments = {"payments": [Paiements(encaissements)]}  # type: ignore[abstract]  # `double` serves the rest
    async with running(*services, doubles=payments, user_sync_enabled=False) as mesh:
        yield mesh
