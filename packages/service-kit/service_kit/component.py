"""Components: tables, events, jobs and greetings that several services share beyond the kernel.

A component is a value that a `Service` names in its data; `service.py` takes it apart.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from db_utils import Worker
from grpc_utils import Identity
from nats_utils import Subscription
from pydantic_settings import BaseSettings
from sqlalchemy import MetaData


class Greeter(Protocol):
    """The part of a running component that meets callers."""

    async def greet(self, identity: Identity) -> None:
        """Meet a proven caller before his request is read. Raises a Refusal to keep him out."""

    async def close(self) -> None:
        """End its background work; called once no call is under way any more."""


class Component(Protocol):
    """A shared part of services, as data.

    *package* holds its migrations, which make its *tables* in the schema of each service that
    names it; *settings* are added to those of the service.
    """

    @property
    def package(self) -> str:
        """Python package of the component."""

    @property
    def tables(self) -> MetaData:
        """Tables added to the schema of the service."""

    @property
    def settings(self) -> type[BaseSettings]:
        """Settings added to those of the service."""

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Subscriptions added to those of the service."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Jobs added to those of the service."""

    @property
    def callees(self) -> Mapping[str, str]:
        """The services to which it owes calls, by the names of its commands (C22)."""

    def greeter(self, app: Any) -> Greeter | None:
        """Make the greeter of *app*, None when the component is switched off there."""
