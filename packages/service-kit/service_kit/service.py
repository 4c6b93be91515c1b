"""A service as a value: its tables, servicers, subscriptions, jobs and settings."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any

from db_utils import Worker
from db_utils.migrations import Schema
from google.protobuf.message import Message
from grpc_utils import LARGEST_MESSAGE, Issuer
from grpc_utils.idempotency import Base as CallTables
from nats_utils import Subscription
from nats_utils.tables import Base as BusTables
from sqlalchemy import MetaData

from service_kit.component import Component, Greeter
from service_kit.revocations import Ask
from service_kit.settings import Settings

# The kernel's own tables, which every schema holds, by the package of their migrations.
KERNEL = (("grpc_utils", CallTables.metadata), ("nats_utils", BusTables.metadata))


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the mesh, as data; `running.py` runs it.

    *tables* are its own tables; *servicers* are classes made with the application as their one
    argument; *package* is its Python package, with its migrations inside. A service that
    issues tokens itself makes their *issuer* and tells the *revoked* ones: it asks nobody else for
    its own keys and revocations. *components* are parts shared with other services: what they
    consume, do and can be told is added to the fields below, their tables to *shared_tables*, by
    the package of their migrations, the services that they owe calls to *callees*, by the names of
    the commands. A message of its calls has at most *largest_message* bytes, which few raise (C19).
    With *live* its instances talk to each other on the bus (`nats_utils.Live`).
    """

    name: str
    port: int
    tables: MetaData
    servicers: tuple[Callable[[Any], object], ...]
    publishes: tuple[type[Message], ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    workers: tuple[Worker, ...] = ()
    settings: type[Settings] = field(default=Settings)
    package: str = ""  # service_<name> unless it is another
    issuer: Callable[[Any], Issuer] | None = None
    revoked: Callable[[Any], Ask] | None = None
    shared_tables: tuple[tuple[str, MetaData], ...] = KERNEL
    greeters: tuple[Callable[[Any], Greeter | None], ...] = ()
    callees: Mapping[str, str] = field(default_factory=dict, hash=False)  # no mapping has a hash
    largest_message: int = LARGEST_MESSAGE
    live: bool = False
    components: InitVar[tuple[Component, ...]] = ()

    def __post_init__(self, components: tuple[Component, ...]) -> None:
        object.__setattr__(self, "package", self.package or f"service_{self.name}")
        for component in components:
            self._add(
                shared_tables=((component.package, component.tables),),
                subscriptions=component.subscriptions,
                workers=component.workers,
                greeters=(component.greeter,),
            )
            object.__setattr__(self, "callees", {**self.callees, **component.callees})
            both = (component.settings, self.settings)  # in this order the service's come first
            object.__setattr__(self, "settings", type(self.settings.__name__, both, {}))

    def _add(self, **more: tuple[object, ...]) -> None:
        for name, values in more.items():
            object.__setattr__(self, name, (*getattr(self, name), *values))

    @property
    def prefix(self) -> str:
        """The beginning of the names of its host and port settings."""
        return "GRPC"

    @property
    def folder(self) -> Path:
        """The folder of the installed package. Raises LookupError when it is not there."""
        return _folder_of(self.package)

    @property
    def schema(self) -> Schema:
        """The schema of the service with the folders of its migrations, the shared ones first."""
        folders = [*(_folder_of(package) for package, _ in self.shared_tables), self.folder]
        return Schema(self.name, tuple(folder / "migrations" for folder in folders))

    @property
    def declared(self) -> list[MetaData]:
        """All tables of the schema, as their classes declare them."""
        return [*(tables for _, tables in self.shared_tables), self.tables]


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(f"package {package} is not installed: run ./scripts/up again")
    return Path(spec.origin).parent
