"""Edges: processes beside the services that serve HTTP instead of gRPC.

An edge owns no schema, no contract and no events; `service.py` is about processes that do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from nats_utils import Bus

from service_kit.settings import ProcessSettings

LIVENESS: Final = "/healthz"  # where every edge answers 200 while its process lives
READINESS: Final = "/readyz"  # where it tells how it is; `revocations` is `ok` or `behind` (C17)


class Running(Protocol):
    """A process between its start and its stop."""

    port: int
    bus: Bus

    @property
    def serving(self) -> bool:
        """Whether it answers calls."""

    async def start(self) -> None:
        """Serve. Raises PortTaken."""

    async def stop(self) -> None:
        """Stop serving; calls under way get SHUTDOWN_GRACE_S seconds to end."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge, as data. *make* builds the running one from its settings and the services' addresses.

    Its settings are a class with `<name>_host` and `<name>_port`. With *keys_path*, it publishes
    there the keys of our own tokens, which all services read (JWKS_URL).
    """

    name: str
    port: int
    settings: type[ProcessSettings]
    make: Callable[[Any, Mapping[str, str]], Running]
    keys_path: str = ""

    @property
    def prefix(self) -> str:
        """The beginning of the names of its host and port settings."""
        return self.name.upper()
