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
async def mesh() -> AsyncIterator[Mesh]:
    """Everything is real."""
    services = (SERVICE, *map(service_named, _BESIDE))
    async with running(*(replace(one, workers=()) for one in services), user_sync_enabled=False) as mesh:
        yield mesh
