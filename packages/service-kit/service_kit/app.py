"""What the parts of a running service reach: its settings, its database, its peers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from db_utils import Database
from grpc_utils import Peers

from service_kit.settings import Settings

S = TypeVar("S", bound=Settings)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class App(Generic[S]):
    """Handed to servicers, workers and look-ups."""

    settings: S
    database: Database
    peers: Peers
    _parts: dict[Callable[[Any], object], object] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def part(self, make: Callable[["App[S]"], P]) -> P:
        """What *make* makes of this application: once, at the first call, then the same for everybody.

        For parts with a state that servicers and jobs of one process share: keys in memory, circuits,
        rates. They live as long as the application and are not closed.
        """
        if make not in self._parts:
            self._parts[make] = make(self)
        return cast(P, self._parts[make])
