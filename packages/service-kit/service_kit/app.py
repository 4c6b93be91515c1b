"""The application: settings, database and peers of a running service, handed to its parts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from db_utils import Database
from grpc_utils import Peers
from nats_utils import Live

from service_kit.settings import Settings

S = TypeVar("S", bound=Settings)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class App(Generic[S]):
    """Settings, database and peers of a running service, for servicers, workers and look-ups.

    *live* reaches the other instances of a service that declares so. *stopping* is set when the
    service begins to stop: calls without an end of their own end then.
    """

    settings: S
    database: Database
    peers: Peers
    live: Live = field(default_factory=Live, repr=False)
    stopping: asyncio.Event = field(default_factory=asyncio.Event, repr=False, compare=False)
    _parts: dict[Callable[[Any], object], object] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def part(self, make: Callable[["App[S]"], P]) -> P:
        """Return the part that *make* makes of this application, the same one at every call.

        It is for parts with a state that servicers and jobs of one process share: keys in memory,
        circuits, rates. A part lives as long as the application and is not closed.
        """
        if make not in self._parts:
            self._parts[make] = make(self)
        return cast(P, self._parts[make])
