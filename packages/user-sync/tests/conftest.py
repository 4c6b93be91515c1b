"""The counters, beside the real users and organisations."""

import pytest
from service_testing import Mesh
from service_testing.fixtures import mesh_of
from tests.comptoirs.service import COMPTABILITE, VENTE
from tests.visiteurs import BESIDE, Comptoirs, Visiteur

mesh = mesh_of(*BESIDE, COMPTABILITE, VENTE, bcrypt_cost=4)


@pytest.fixture
def comptoirs(mesh: Mesh) -> Comptoirs:
    """The counters."""
    return Comptoirs(mesh)


@pytest.fixture
def visiteur() -> Visiteur:
    """Somebody whom nobody has seen yet, of an organisation that is new everywhere."""
    return Visiteur()
