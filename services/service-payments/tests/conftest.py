"""The payments service, run once for all tests of this folder, amid those that it calls; its jobs rest."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments.payments_pb2_grpc import MandateServiceStub, SepaServiceStub
from service_kit.registry import service_named
from service_payments.service import SERVICE
from service_testing import Mesh, running
from service_testing.fixtures import of_member

factures = of_member(InvoiceServiceStub)
mandats = of_member(MandateServiceStub)
sepa = of_member(SepaServiceStub)


@pytest.fixture(scope="package")
async def mesh() -> AsyncIterator[Mesh]:
    """Everything runs but the jobs of this service."""
    known = map(service_named, ("calendar", "factures", "notifications"))
    async with running(replace(SERVICE, workers=()), *known, user_sync_enabled=False) as mesh:
        yield mesh
