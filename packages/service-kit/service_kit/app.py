"""What the parts of a running service reach: its settings, its database, its peers."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from db_utils import Database
from grpc_utils import Peers

from service_kit.settings import Settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class App(Generic[S]):
    """Handed to servicers, workers and look-ups."""

    settings: S
    database: Database
    peers: Peers
