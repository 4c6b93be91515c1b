"""Stops by SIGTERM while callers read and write. A new service is covered by being installed."""

import asyncio
import signal
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import pytest
from grpc import StatusCode
from service_kit import Service
from service_kit.registry import services
from service_testing import eventually
from service_testing.command import Command

from tests.conformance.samples import Caller
from tests.conformance.served import Served, load_of, served

# What a stop may bring (docs/operations.md, Stopping), and what repeated values bring at any time.
_MEANT = {
    StatusCode.OK,
    StatusCode.UNAVAILABLE,
    StatusCode.CANCELLED,
    StatusCode.ALREADY_EXISTS,
    StatusCode.RESOURCE_EXHAUSTED,
}


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended, the statuses of calls that nobody meant, and acknowledged rows that are lost."""

    code: int = 0
    errors: bytes = b""
    unmeant: Set[StatusCode] = frozenset()
    lost: Set[str] = frozenset()


@pytest.mark.faults  # as many processes as services start at once, in ten seconds when nothing else runs
@pytest.mark.timeout(300)
async def test_I1_a_stop_loses_nothing_that_was_acknowledged(crm: Command, tmp_path: Path) -> None:
    """Each service exits 0 within its grace, no call hangs or fails, what was answered OK is stored."""
    known = services().values()
    async with served(crm, tmp_path) as mesh:
        ends = await asyncio.gather(*(_stopped(mesh, service) for service in known))
    assert dict(zip(services(), ends, strict=True)) == dict.fromkeys(services(), End())


async def _stopped(mesh: Served, service: Service) -> End:
    """Stop *service* once its callers have been answered for a while."""
    process = mesh.processes[service.name]
    load = await load_of(Caller(mesh.mesh, f"org-{service.name}"), service.name)
    calling = asyncio.create_task(load.keep_calling())
    await eventually(lambda: load.under_way or calling.done(), timeout=60)
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    load.gone.set()
    await calling
    lost = load.acknowledged - mesh.stored(service)
    return End(process.returncode or 0, errors, {*load.codes} - _MEANT, lost)
