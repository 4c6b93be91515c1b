"""The dashboard service amid those whose events it counts and whom it asks, run once for this folder.

The jobs of contrats rest: what a test makes at a stopped clock would be expired by them.
"""

from dataclasses import replace

import pytest
from service_dashboard.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh
from service_testing.fixtures import mesh_of
from tests.marche import Ventes

CALLED = ("clients", "commerciaux", "contrats", "organisations", "products")

mesh = mesh_of(
    SERVICE, *(replace(service_named(name), workers=()) for name in CALLED), user_sync_enabled=False
)


@pytest.fixture
async def ventes(mesh: Mesh, org: str) -> Ventes:
    """What the organisation sells, once the dashboard reaches everybody whom it asks."""
    ventes = Ventes(mesh, org)
    for name in CALLED:
        await ventes.back(name)
    return ventes
