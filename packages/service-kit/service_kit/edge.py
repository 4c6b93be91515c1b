"""What an edge is: a process beside the nineteen that serves HTTP instead of gRPC.

It owns no schema, no contract and no events; `service.py` is for those that do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from nats_utils import Bus

from service_kit.settings import ProcessSettings

LIVENESS: Final = "/healthz"  # where every edge answers 200 while its process lives
READINESS: Final = "/readyz"  # where it tells how it is; `revocations` is `ok` or `behind` (C17)


class Running(Protocol):
    """What serves between its start and its stop."""

    port: int
    bus: Bus

    @property
    def serving(self) -> bool:
        """Whether it answers calls."""

    async def start(self) -> None:
        """Serve. Raises PortTaken."""

    async def stop(self) -> None:
        """Come to rest; calls under way get the settings' grace."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge, as data. *make* brings it to life from its settings and the addresses of the services.

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
        """What the settings of its host and port begin with."""
        return self.name.upper()
