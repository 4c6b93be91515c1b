"""The counters, beside the real users and organisations."""

from collections.abc import AsyncIterator

import pytest
from service_testing import Mesh, running
from tests.comptoirs.service import COMPTABILITE, VENTE
from tests.visiteurs import BESIDE, Comptoirs, Visiteur


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Both counters and the services behind them, for tests that stop nothing."""
    async with running(*BESIDE, COMPTABILITE, VENTE, bcrypt_cost=4) as mesh:
        yield mesh


@pytest.fixture
def comptoirs(mesh: Mesh) -> Comptoirs:
    """The counters."""
    return Comptoirs(mesh)


@pytest.fixture
def visiteur() -> Visiteur:
    """Somebody whom nobody has seen yet, of an organisation that is new everywhere."""
    return Visiteur()
