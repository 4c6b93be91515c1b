"""Mesh of commission with all that it asks about a receipt; only payments is a double.

Jobs rest: tests call them at the instant they choose.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from service_commission.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, running
from tests.ventes import Payments, Ventes

BESIDE = ("clients", "commerciaux", "contrats", "factures", "organisations", "products")
SERVICES = tuple(replace(one, workers=()) for one in (SERVICE, *map(service_named, BESIDE)))


@pytest.fixture(scope="package")
def payments() -> Payments:
    """The double of the payments service."""
    return Payments()  # type: ignore[abstract]  # `double` serves the rest


@pytest.fixture(scope="package")
async def mesh(payments: Payments) -> AsyncIterator[Mesh]:
    """Everything else is real."""
    doubles = {"payments": [payments]}
    async with running(*SERVICES, doubles=doubles, user_sync_enabled=False) as mesh:
        yield mesh


@pytest.fixture
def ventes(mesh: Mesh, org: str, payments: Payments) -> Ventes:
    """The sales office of the organisation."""
    return Ventes(mesh, org, payments)
