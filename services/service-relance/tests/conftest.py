"""Mesh of relance, the clients whom it reminds and a double of factures, run once for all tests here.

The job of relance is left out of the mesh: tests call it at the instant they choose.
"""

from dataclasses import replace

import pytest
from service_kit.registry import service_named
from service_relance.service import SERVICE
from service_testing.fixtures import mesh_of
from tests.comptabilite import Comptabilite

_FACTURES = Comptabilite()

mesh = mesh_of(service_named("clients"), replace(SERVICE, workers=()), _FACTURES.service())


@pytest.fixture
def factures() -> Comptabilite:
    """What factures knows: nothing at first."""
    _FACTURES.clear()
    return _FACTURES
