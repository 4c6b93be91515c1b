"""What several services share beyond the kernel: tables, events, jobs, a word with each caller.

A component is a value that a `Service` names in its data; `service.py` takes it apart.
"""

from typing import Any, Protocol

from db_utils import Worker
from grpc_utils import Identity
from nats_utils import Subscription
from pydantic_settings import BaseSettings
from sqlalchemy import MetaData


class Greeter(Protocol):
    """What a running component does with callers."""

    async def greet(self, identity: Identity) -> None:
        """Meet a proven caller before his request is read. Raises a Refusal to keep him out."""

    async def close(self) -> None:
        """End what it still does, once no call is under way any more."""


class Component(Protocol):
    """A shared part of services, as data.

    *package* holds its migrations, which make its *tables* in the schema of each service that
    names it; *settings* are added to those of the service.
    """

    @property
    def package(self) -> str:
        """Its Python package."""

    @property
    def tables(self) -> MetaData:
        """The tables that it adds."""

    @property
    def settings(self) -> type[BaseSettings]:
        """What it can be told."""

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What it consumes."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """What it does by itself."""

    def greeter(self, app: Any) -> Greeter | None:
        """Its part in the calls of the application, None when that is switched off."""
