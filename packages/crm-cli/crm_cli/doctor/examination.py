"""The order in which the doctor looks, from the installation to the services."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from db_utils import clock
from rich.console import Console
from service_kit import Edge, Service, Settings
from service_kit.embedded import EmbeddedNats

from crm_cli.doctor import broker, database, installation, services
from crm_cli.doctor.findings import Finding, Level, fail, ok
from crm_cli.home import Home
from crm_cli.selection import listening

_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def examine(home: Home, wanted: Sequence[Service | Edge], console: Console) -> bool:
    """Print a line per check; return whether nothing has failed."""
    healthy = True
    for finding in _findings(home, wanted):
        healthy &= finding.level != Level.FAIL
        console.print(f"{finding.level.value:<4}", style=_STYLES[finding.level], end="  ")
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        line = f"{finding.subject:<28} {finding.fact}{remedy}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return healthy


def _findings(home: Home, wanted: Sequence[Service | Edge]) -> Iterator[Finding]:
    yield installation.installation()
    yield installation.settings()
    yield from installation.secrets(home, wanted)
    yield installation.disk(home.folder)
    state = home.state()
    if state and state.clock:  # ages are told by the clock of the mesh
        clock.follow(Path(state.clock))
    database_url = os.environ.get("DATABASE_URL") or (state.database_url if state else "")
    nats_url = os.environ.get("NATS_URL") or (state.nats_url if state else "")
    if not (database_url and nats_url):
        yield fail(
            "mesh", "no mesh runs here", "start it with ./scripts/up, or set DATABASE_URL and NATS_URL"
        )
        return
    ports = listening(home, wanted)
    present = [one for one in wanted if isinstance(one, Service) and one.name in ports]
    yield ok("mesh", f"{len(present)} services, {'runs here' if state else 'elsewhere'}")
    yield from _outside(home, present, database_url, nats_url)
    own = Settings.addresses({service.name: ports[service.name] for service in present})
    yield from services.health(own, home.logs)
    edges = {name: f"localhost:{port}" for name, port in ports.items() if name not in own}
    yield from services.edges(edges, home.logs)
    yield services.revocations(own, edges)


def _outside(home: Home, present: Sequence[Service], database_url: str, nats_url: str) -> Iterator[Finding]:
    server = list(database.server(database_url))
    yield from server
    if server[0].level != Level.FAIL:
        schemas = list(database.schemas(database_url, present))
        yield from schemas
        migrated = [s for s, found in zip(present, schemas, strict=True) if found.remedy != "crm migrate"]
        yield from database.waiting(database_url, migrated)
        yield from database.owed(database_url, migrated)
    yield from asyncio.run(_broker(home, nats_url, present))


async def _broker(home: Home, nats_url: str, present: Sequence[Service]) -> list[Finding]:
    monitoring_url = os.environ.get("NATS_MONITORING_URL", "")
    embedded = EmbeddedNats(home.folder, 0)
    if not monitoring_url and "NATS_URL" not in os.environ and embedded.log.exists():
        monitoring_url = embedded.monitoring_url
    return [finding async for finding in broker.examine(nats_url, monitoring_url, present)]
