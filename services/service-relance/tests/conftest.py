"""Mesh of relance, the services that it asks and a double of factures, run once for all tests here.

The jobs of relance are left out of the mesh: tests call them at the instant they choose.
"""

from dataclasses import replace

import pytest
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from service_kit.registry import service_named
from service_relance.service import SERVICE
from service_testing.fixtures import mesh_of, of_member
from tests.comptabilite import Comptabilite

_FACTURES = Comptabilite()

mesh = mesh_of(
    replace(SERVICE, workers=()),
    *map(service_named, ("activites", "calendar", "clients")),
    replace(service_named("contrats"), workers=()),
    _FACTURES.service(),
)
regles = of_member(RegleRelanceServiceStub)
relances = of_member(RelanceServiceStub)


@pytest.fixture
def factures() -> Comptabilite:
    """What factures knows: nothing at first."""
    _FACTURES.clear()
    return _FACTURES
