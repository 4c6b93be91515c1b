"""Installed services and edges, found by their entry points."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from typing import cast

from service_kit.edge import Edge
from service_kit.service import Service

__all__ = [
    "UnknownService",
    "edges",
    "ports",
    "process_named",
    "processes",
    "service_named",
    "services",
]

SERVICES, EDGES = "crm.services", "crm.edges"


class UnknownService(LookupError):
    """Name of no installed process; the message lists those that exist."""


@cache
def services() -> dict[str, Service]:
    """Every service by name, in the order of their ports."""
    with _uncollected():
        found = [entry.load() for entry in entry_points(group=SERVICES)]
    return {service.name: service for service in sorted(found, key=lambda service: service.port)}


@cache
def edges() -> dict[str, Edge]:
    """Every edge by name."""
    with _uncollected():
        return {edge.name: edge for edge in (entry.load() for entry in entry_points(group=EDGES))}


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage inside: modules make none, and searching took a quarter of their loading."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def processes() -> dict[str, Service | Edge]:
    """Every process of the mesh by name: the services, then the edges."""
    return {**services(), **edges()}


def service_named(name: str) -> Service:
    """The service *name*, without loading the others. Raises UnknownService."""
    for entry in entry_points(group=SERVICES, name=name):
        return cast(Service, entry.load())
    raise UnknownService(f"there is no service {name!r}; there are: {', '.join(services())}")


def process_named(name: str) -> Service | Edge:
    """The service or edge *name*, without loading the others. Raises UnknownService."""
    for group in (SERVICES, EDGES):
        for entry in entry_points(group=group, name=name):
            return cast("Service | Edge", entry.load())
    raise UnknownService(f"there is no service {name!r}; there are: {', '.join(processes())}")


def ports() -> Mapping[str, int]:
    """The default port of every process; a process is loaded when its port is asked for."""
    return _Ports()


class _Ports(Mapping[str, int]):
    def __getitem__(self, name: str) -> int:
        if name not in self:
            raise KeyError(name)
        return process_named(name).port

    def __contains__(self, name: object) -> bool:
        return any(entry_points(group=group, name=str(name)) for group in (SERVICES, EDGES))

    def __iter__(self) -> Iterator[str]:
        return iter(processes())

    def __len__(self) -> int:
        return len(processes())
