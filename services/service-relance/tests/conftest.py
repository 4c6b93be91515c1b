"""Mesh of relance and the clients whom it reminds, run once for all tests of this folder.

The job of relance is left out of the mesh: tests call it at the instant they choose.
"""

from dataclasses import replace

from service_kit.registry import service_named
from service_relance.service import SERVICE
from service_testing.fixtures import mesh_of

mesh = mesh_of(service_named("clients"), replace(SERVICE, workers=()))
