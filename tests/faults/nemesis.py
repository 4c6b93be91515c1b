"""Who does all the harm: kills, freezes and takes memories away, each for a while."""

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
    """Faults of the *victims*, their broker and their database; *chance* decides the lengths."""

    victims: Sequence[Kept]
    broker: EmbeddedNats
    postgres: EmbeddedPostgres
    copies: Path
    chance: random.Random

    async def rage(self, faults: Sequence[Fault], count: int) -> None:
        """*count* of *faults*, one after the other, with time to recover or without."""
        for _ in range(count):
            await self.chance.choice(faults)()
            await self._a_while(1.5)

    async def kill_service(self) -> None:
        """SIGKILL; its supervisor starts it again."""
        self.chance.choice(self.victims).replica.send(signal.SIGKILL)

    async def freeze_service(self) -> None:
        """SIGSTOP, so that others go on without it."""
        replica = self.chance.choice(self.victims).replica
        replica.send(signal.SIGSTOP)
        await self._a_while(4)
        replica.send(signal.SIGCONT)

    async def kill_broker(self) -> None:
        """SIGKILL, and up again after a while."""
        self.broker.kill()
        await self._a_while(3)
        self.broker.start()

    async def freeze_broker(self) -> None:
        """No answer, no end of connections."""
        async with stopped([self.broker.pid]):
            await self._a_while(4)

    async def wipe_broker(self) -> None:
        """All streams are gone."""
        self.broker.kill()
        shutil.rmtree(self.broker.store)
        self.broker.start()

    async def rewind_broker(self) -> None:
        """The store of some seconds ago comes back."""
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
        """SIGKILL to the server and all its sessions, and up again after a while."""
        family = _family(self.postgres.pid)
        self.postgres.kill()
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._a_while(4)
        self.postgres.start()

    async def freeze_database(self) -> None:
        """Every session stands still."""
        async with stopped(_family(self.postgres.pid)):
            await self._a_while(4)

    async def _a_while(self, longest: float) -> None:
        await asyncio.sleep(self.chance.uniform(0.05, longest))


@asynccontextmanager
async def stopped(pids: Sequence[int | None]) -> AsyncIterator[None]:
    """The processes *pids* stand still inside."""
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
