"""Services that a command is about, and their ports on this machine."""

import random
from collections.abc import Iterable, Sequence

from service_kit import Edge, Service
from service_kit.embedded import port_is_free
from service_kit.registry import ports, process_named, processes, service_named, services

from crm_cli.home import Home

__all__ = [
    "NATS_PORT",
    "free_port_offset",
    "moved_ports",
]

NATS_PORT = 4222
_OFFSETS = range(10_949, 15_000)  # above the ephemeral ports, which clients take at any time


def chosen(names: Iterable[str]) -> list[Service]:
    """Return the services *names*, each once; all services when none is named. Raises UnknownService."""
    return [service_named(name) for name in dict.fromkeys(names)] or list(services().values())


def chosen_processes(names: Iterable[str]) -> list[Service | Edge]:
    """The services and edges *names*, as `chosen`. Raises UnknownService."""
    return [process_named(name) for name in dict.fromkeys(names)] or list(processes().values())


def moved_ports(offset: int) -> dict[str, int]:
    """The port of every process, *offset* added."""
    return {name: process.port + offset for name, process in processes().items()}


def free_port_offset() -> int:
    """An offset at which every port of a mesh is free now."""
    while True:
        offset = random.choice(_OFFSETS)
        if all(port_is_free(port) for port in (NATS_PORT + offset, *moved_ports(offset).values())):
            return offset


def listening(home: Home, wanted: Sequence[Service | Edge]) -> dict[str, int]:
    """Return the ports of the *wanted* services that run in the mesh of *home*, of all if no mesh runs."""
    state = home.state()
    known = ports() if state is None else state.services
    return {service.name: known[service.name] for service in wanted if service.name in known}
