"""The notifications service and those that it asks, run once for all tests of this folder."""

from service_kit.registry import service_named
from service_notifications.service import SERVICE
from service_testing.fixtures import mesh_of

mesh = mesh_of(service_named("clients"), service_named("commerciaux"), SERVICE)
