"""The installed services, found by the entry points of the group `crm.services`."""

from functools import cache
from importlib.metadata import entry_points
from typing import cast

from service_kit.service import Service

GROUP = "crm.services"


class UnknownService(LookupError):
    """No installed service has this name; the message lists those that exist."""


@cache
def services() -> dict[str, Service]:
    """Every service by name, in the order of their ports."""
    found = [entry.load() for entry in entry_points(group=GROUP)]
    return {service.name: service for service in sorted(found, key=lambda service: service.port)}


def service_named(name: str) -> Service:
    """The service *name*, without loading the others. Raises UnknownService."""
    for entry in entry_points(group=GROUP, name=name):
        return cast(Service, entry.load())
    raise UnknownService(f"there is no service {name!r}; there are: {', '.join(services())}")


def ports() -> dict[str, int]:
    """The default port of every service."""
    return {name: service.port for name, service in services().items()}
