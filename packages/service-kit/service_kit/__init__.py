"""Puts the kernel together: a `Service` is data, everything around it is done here.

Read `service.py`, then `running.py`. Services import what they need from here, from
`db_utils`, `grpc_utils` and `nats_utils`.
"""

from db_utils import Worker

from service_kit.app import App
from service_kit.component import Component, Greeter
from service_kit.edge import Edge, Running
from service_kit.owners import Owner, owner_of
from service_kit.running import RunningService
from service_kit.service import Service
from service_kit.settings import ConfigurationError, ProcessSettings, Settings

__all__ = [
    "App",
    "Component",
    "ConfigurationError",
    "Edge",
    "Greeter",
    "Owner",
    "ProcessSettings",
    "Running",
    "RunningService",
    "Service",
    "Settings",
    "Worker",
    "owner_of",
]
