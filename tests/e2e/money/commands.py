"""The commands that stories run in a terminal: the clock of the mesh, and whether services agree."""

import asyncio

from service_testing.command import Command

from tests.e2e.money.person import PATIENCE


async def set_clock(crm: Command, instant: str) -> None:
    """Move the clock of the mesh to *instant*, as in 2026-02-03T06:00 (Paris)."""
    moved = await crm("clock", instant)
    assert moved.code == 0, moved.err


async def agreed(crm: Command, organisation: str) -> str:
    """What finance is told once all services agree on what was received; what differs is told at the end."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        told = await crm("reconcile", "--organisation", organisation)
        if told.code == 0:
            return told.out
        assert asyncio.get_running_loop().time() < deadline, told.out + told.err
