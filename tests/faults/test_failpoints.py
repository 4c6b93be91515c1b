"""Killed at every step, a service leaves nothing that its successor does not put right."""

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

# The service that publishes is killed at these, the one that only consumes at the others.
PUBLISHING = ("transaction.", "idempotency.", "relay.")
HEALED = ("replay.before", "replay.after_commit")
# A relay compares when it begins, then twice a minute: its passes are the first of new processes.
AT_THE_START = "relay.after_compare"
_KILLED = -signal.SIGKILL
_PASSED_BY = 60.0  # seconds within which a process comes to its failpoint


def failpoints() -> list[str]:
    """Every failpoint that the packages name."""
    found = set()
    for file in ROOT.glob("packages/*/*/*.py"):
        found |= set(re.findall(r'failpoint\("([\w.]+)"\)', file.read_text()))
    return sorted(found)


def provoke(mesh: Processes, failpoint: str) -> None:
    """Have `archive` come by *failpoint*: poison fails or is healed, dead letters are replayed."""
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
    """One process after the other, each killed at its failpoint and recovering from the former one."""
    for failpoint in chain:
        await killed_at(mesh, service, failpoint, port)
    await mesh.start(service, port=port)


async def killed_under_load(mesh: Processes, chain: Sequence[str]) -> None:
    """Both services are killed at the failpoints of *chain*; afterwards every invariant holds."""
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


async def test_I9_a_process_killed_at_each_failpoint_once(mesh: Processes) -> None:
    """While calls and poisonous events keep coming: I1 to I5 and I9."""
    nth = {"transaction.before_commit": 7, "transaction.after_commit": 7, "relay.in_window": 3}
    await killed_under_load(mesh, [f"{one}:{nth.get(one, 1)}" for one in failpoints()])


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("turn", range(4))
async def test_I9_a_process_killed_at_the_nth_pass_of_each_failpoint(mesh: Processes, turn: int) -> None:
    """Five passes of each in each turn, twenty in all."""
    chain = [
        f"{one}:{1 if one == AT_THE_START else number}"
        for number in range(turn * 5 + 1, turn * 5 + 6)
        for one in failpoints()
    ]
    await killed_under_load(mesh, chain)
