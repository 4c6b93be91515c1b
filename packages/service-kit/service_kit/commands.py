"""The base of a service's own `crm` commands: its application, opened without serving.

A service contributes a Typer application by the entry point group `crm.commands`, under its own
name; `crm_cli` completes the environment before one of its commands runs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from db_utils import Database
from grpc_utils import Peers

from service_kit.app import App
from service_kit.registry import ports
from service_kit.service import Service
from service_kit.settings import load

__all__ = [
    "run",
]

T = TypeVar("T")


def run(service: Service, work: Callable[[App[Any]], Awaitable[T]]) -> T:
    """Return the result of *work* on the application of *service*, with the settings of the environment.

    Raises ConfigurationError, and what *work* raises.
    """
    return asyncio.run(_run(service, work))


async def _run(service: Service, work: Callable[[App[Any]], Awaitable[T]]) -> T:
    settings = load(service.settings)
    database = Database(settings.database_url.get_secret_value(), service.name, pool_size=1)
    peers = Peers(settings.addresses(ports()), settings.signer(service.name))
    await database.open()
    try:
        return await work(App(settings, database, peers))
    finally:
        await peers.close()
        await database.close()
