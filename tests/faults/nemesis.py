"""Nemesis: kills and freezes processes, and takes the broker's store away, each for a while."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from service_kit.embedded import EmbeddedNats, EmbeddedPostgres

from tests.faults.processes import Kept

Fault = Callable[[], Awaitable[None]]


@dataclass
class Nemesis:
    """Causes faults of the *victims*, their broker and their database; *chance* decides which and how long.

    *copies* is a folder for copies of the broker's store.
    """

    victims: Sequence[Kept]
    broker: EmbeddedNats
    postgres: EmbeddedPostgres
    copies: Path
    chance: random.Random

    async def rage(self, faults: Sequence[Fault], count: int) -> None:
        """Cause *count* of *faults*, with 0.05 to 1.5 s between them, so that some meet no recovered mesh."""
        for _ in range(count):
            await self.chance.choice(faults)()
            await self._a_while(1.5)

    async def kill_service(self) -> None:
        """Kill a replica; its supervisor starts it again."""
        self.chance.choice(self.victims).replica.send(signal.SIGKILL)

    async def freeze_service(self) -> None:
        """Stop a replica for up to 4 s, so that others take its work over, then let it go on."""
        replica = self.chance.choice(self.victims).replica
        replica.send(signal.SIGSTOP)
        await self._a_while(4)
        replica.send(signal.SIGCONT)

    async def kill_broker(self) -> None:
        """Kill the broker and start it after up to 3 s."""
        self.broker.kill()
        await self._a_while(3)
        self.broker.start()

    async def freeze_broker(self) -> None:
        """Stop the broker for up to 4 s: it does not answer, and its connections stay open."""
        async with stopped([self.broker.pid]):
            await self._a_while(4)

    async def wipe_broker(self) -> None:
        """Kill the broker and delete its store, with all streams."""
        self.broker.kill()
        shutil.rmtree(self.broker.store)
        self.broker.start()

    async def rewind_broker(self) -> None:
        """Kill the broker and give it the store of up to 4 s ago: it has lost confirmed messages."""
        copy = self.copies / "store"
        self.broker.stop()
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.broker.store, copy)
        self.broker.start()
        await self._a_while(4)
        self.broker.kill()
        shutil.rmtree(self.broker.store)
        shutil.copytree(copy, self.broker.store)
        self.broker.start()

    async def kill_database(self) -> None:
        """Kill the database server with all its sessions and start it after up to 4 s."""
        family = _family(self.postgres.pid)  # before the kill: afterwards the sessions have another parent
        self.postgres.kill()
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._a_while(4)
        self.postgres.start()

    async def freeze_database(self) -> None:
        """Stop the database server and all its sessions for up to 4 s."""
        async with stopped(_family(self.postgres.pid)):
            await self._a_while(4)

    async def _a_while(self, longest: float) -> None:
        await asyncio.sleep(self.chance.uniform(0.05, longest))


@asynccontextmanager
async def stopped(pids: Sequence[int | None]) -> AsyncIterator[None]:
    """Stop the processes *pids* while inside."""
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)


def _send(pids: Sequence[int | None], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, number)


def _family(pid: int | None) -> list[int]:
    assert pid is not None
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
