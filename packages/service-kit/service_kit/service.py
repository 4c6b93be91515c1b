"""What a service is: a value that says what it owns, serves, consumes and does by itself."""

import importlib.util
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc_utils
import nats_utils
from db_utils import Row
from db_utils.migrations import Schema
from google.protobuf.message import Message
from grpc_utils import Issuer
from nats_utils import Subscription
from sqlalchemy import MetaData

from service_kit.settings import Settings


@dataclass(frozen=True, slots=True)
class Worker:
    """A job that *run* does every *every*, and at once after a commit that wrote *wake_on* rows.

    An *exclusive* job holds an advisory lock, so that replicas never run it together. Jobs
    can be run twice with the same result.
    """

    name: str
    run: Callable[[Any], Awaitable[object]]
    every: timedelta
    exclusive: bool = True
    wake_on: type[Row] | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One of the nineteen, as data; `service_kit.running` brings it to life.

    *package* is its Python package, with its migrations inside; *tables* its own tables;
    *servicers* are classes made with the application as their one argument. A service that
    issues tokens itself makes their *issuer*, and so asks nobody for its own keys.
    """

    name: str
    port: int
    package: str
    tables: MetaData
    servicers: tuple[Callable[[Any], object], ...]
    publishes: tuple[type[Message], ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    workers: tuple[Worker, ...] = ()
    settings: type[Settings] = field(default=Settings)
    issuer: Callable[[Any], Issuer] | None = None

    @property
    def prefix(self) -> str:
        """What the settings of its host and port begin with."""
        return "GRPC"

    @property
    def folder(self) -> Path:
        """Where the code of the service is installed."""
        return _folder_of(self.package)

    @property
    def schema(self) -> Schema:
        """The schema of the service with the folders of its migrations, the kernel's first."""
        kernel = (Path(module.__path__[0]) / "migrations" for module in (grpc_utils, nats_utils))
        return Schema(self.name, (*kernel, self.folder / "migrations"))


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(f"package {package} is not installed: run ./scripts/up again")
    return Path(spec.origin).parent
