"""The dashboard service and clients, whose events it counts, run once for all tests of this folder."""

from service_dashboard.service import SERVICE
from service_kit.registry import service_named
from service_testing.fixtures import mesh_of

mesh = mesh_of(service_named("clients"), SERVICE)
