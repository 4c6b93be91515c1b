"""Puts the kernel together: a `Service` is data, everything around it is done here.

Read `service.py`, then `running.py`. Services import what they need from here, from
`db_utils`, `grpc_utils` and `nats_utils`.
"""

from db_utils import AGAIN, Worker

from service_kit.app import App
from service_kit.buckets import Buckets
from service_kit.component import Component, Greeter
from service_kit.edge import LIVENESS, READINESS, Edge, Running
from service_kit.invalid_events import invalid_when_refused
from service_kit.kept import Kept, kept_folders
from service_kit.owners import Owner, owner_of
from service_kit.running import RunningService, brought_to_life, keep_running
from service_kit.sealing import LongSecret, Made, SealingSettings
from service_kit.senders import sender_of
from service_kit.service import Service
from service_kit.serving import serve
from service_kit.settings import PRODUCTION, ConfigurationError, ProcessSettings, Settings, load

__all__ = [
    "AGAIN",
    "LIVENESS",
    "PRODUCTION",
    "READINESS",
    "App",
    "Buckets",
    "Component",
    "ConfigurationError",
    "Edge",
    "Greeter",
    "Kept",
    "LongSecret",
    "Made",
    "Owner",
    "ProcessSettings",
    "Running",
    "RunningService",
    "SealingSettings",
    "Service",
    "Settings",
    "Worker",
    "brought_to_life",
    "commands",
    "embedded",
    "environment",
    "invalid_when_refused",
    "keep_running",
    "kept_folders",
    "load",
    "outgoing",
    "outside",
    "owner_of",
    "registry",
    "rejets",
    "revocations",
    "sender_of",
    "serve",
]
