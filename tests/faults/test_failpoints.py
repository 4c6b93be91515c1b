"""Failpoints: after a kill at any step of a service, its next process restores every invariant."""

import asyncio
import re
import signal
from collections.abc import Sequence

import psycopg
import pytest
from service_kit.embedded import free_port

from tests.faults.checker import violations
from tests.faults.load import UNKNOWN, Load
from tests.faults.observer import observed
from tests.faults.processes import ROOT, Processes

# Failpoints of `temoin`, which publishes; `archive`, which only consumes, is killed at the others.
PUBLISHING = ("transaction.", "idempotency.", "relay.")
# Failpoints of a replay that succeeds: the poison must be harmless by then.
HEALED = ("replay.before", "replay.after_commit")
# A relay compares at its start, then twice a minute: only the first pass of a process comes in time.
AT_THE_START = "relay.after_compare"
_KILLED = -signal.SIGKILL
_PASSED_BY = 60.0  # seconds within which a process must come to its failpoint


def failpoints() -> list[str]:
    """The names of all failpoints in the packages."""
    found = set()
    for file in ROOT.glob("packages/*/*/*.py"):
        found |= set(re.findall(r'failpoint\("([\w.]+)"\)', file.read_text()))
    return sorted(found)


def provoke(mesh: Processes, failpoint: str) -> None:
    """Lead `archive` to *failpoint*: let poison fail or be harmless, replay its dead letters."""
    healed = failpoint.startswith(HEALED)
    with psycopg.connect(mesh.url, autocommit=True) as connection:
        connection.execute("UPDATE archive.compteur SET gueri = %s WHERE gueri <> %s", (healed, healed))
        if failpoint.startswith("replay."):
            connection.execute("UPDATE archive.dead_letters SET status = 'replaying' WHERE status = 'dead'")


async def killed_at(mesh: Processes, service: str, failpoint: str, port: int) -> None:
    """Run *service* until it is killed at *failpoint*."""
    replica = await mesh.start(service, port=port, failpoint=failpoint)
    ended = asyncio.create_task(replica.ended(_PASSED_BY))
    while not ended.done():
        provoke(mesh, failpoint)
        await asyncio.wait([ended], timeout=0.2)
    assert ended.exception() is None, f"{failpoint} was not passed within {_PASSED_BY} s"
    assert (failpoint, ended.result()) == (failpoint, _KILLED)


async def killed_in_turn(mesh: Processes, service: str, chain: Sequence[str], port: int) -> None:
    """Run one process after the other, each killed at its failpoint of *chain*, then one that stays."""
    for failpoint in chain:
        await killed_at(mesh, service, failpoint, port)
    await mesh.start(service, port=port)


async def killed_under_load(mesh: Processes, chain: Sequence[str]) -> None:
    """Kill both services at the failpoints of *chain*, under load; then assert every invariant."""
    port = free_port()
    publishing = [one for one in chain if one.startswith(PUBLISHING)]
    consuming = [one for one in chain if not one.startswith(PUBLISHING)]
    load = Load([port], mesh.secrets)
    async with load.running() as memory:
        await asyncio.gather(
            killed_in_turn(mesh, "temoin", publishing, port),
            killed_in_turn(mesh, "archive", consuming, free_port()),
        )
    seen = await observed(mesh, memory)
    assert violations(seen) == []
    assert set(memory.codes) <= UNKNOWN
    assert len(memory.acknowledged) > 100
    assert set(await mesh.stop_all()) == {0}


@pytest.mark.timeout(300)  # half a minute alone, two on a busy machine
async def test_I9_a_process_killed_at_each_failpoint_once(mesh: Processes) -> None:
    """I1 to I5 and I9 hold after each failpoint has killed a process under load."""
    nth = {"transaction.before_commit": 7, "transaction.after_commit": 7, "relay.in_window": 3}
    await killed_under_load(mesh, [f"{one}:{nth.get(one, 1)}" for one in failpoints()])


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("turn", range(4))
async def test_I9_a_process_killed_at_the_nth_pass_of_each_failpoint(mesh: Processes, turn: int) -> None:
    """Each turn kills at five passes of each failpoint, twenty passes in all; the invariants hold."""
    chain = [
        f"{one}:{1 if one == AT_THE_START else number}"
        for number in range(turn * 5 + 1, turn * 5 + 6)
        for one in failpoints()
    ]
    await killed_under_load(mesh, chain)
