"""All services and edges, run together once, without jobs: rows change by calls and events alone."""

from dataclasses import replace

from service_kit.registry import edges, services
from service_testing.fixtures import mesh_of

_IDLE = [replace(service, workers=()) for service in services().values()]

mesh = mesh_of(*_IDLE, *edges().values(), bcrypt_cost=4)
