"""Mesh of the commission service, which runs once for all tests of this folder."""

from service_commission.service import SERVICE
from service_testing.fixtures import mesh_of

mesh = mesh_of(SERVICE)
