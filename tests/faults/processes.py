"""The test services out of process: started, killed, frozen and stopped like real ones."""

import asyncio
import ctypes
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from service_kit.embedded import EmbeddedNats, free_port
from service_kit.environment import Secrets, new_secrets
from service_testing import eventually

ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
_STOP_TIMEOUT = 30.0


class Nursery:
    """The process that forks the others; see `nursery.py`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._starts: deque[asyncio.Future[int]] = deque()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls) -> "Nursery":
        """A new one, which ends with this process."""
        command = (sys.executable, "-m", "tests.faults.nursery")
        return cls(
            await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdin=PIPE, stdout=PIPE, preexec_fn=_end_with_parent
            )
        )

    async def start(self, service: str, environment: Mapping[str, str], log: Path) -> "Replica":
        """A process of *service* with *environment* added to this one's."""
        order = {"service": service, "environment": dict(environment), "log": str(log)}
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starts.append(started)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        pid = await started
        return Replica(service, int(environment["GRPC_PORT"]), pid, self._ends[pid])

    async def close(self) -> None:
        """End it, and with it all that it has started."""
        self._process.kill()
        await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            what, pid, *code = line.decode().split()
            if what == "started":
                self._ends[int(pid)] = asyncio.get_running_loop().create_future()
                self._starts.popleft().set_result(int(pid))
            else:
                self._ends[int(pid)].set_result(int(code[0]))


@dataclass
class Replica:
    """One process of a service."""

    service: str
    port: int
    pid: int
    _end: asyncio.Future[int]

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return not self._end.done()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.running:
            os.kill(self.pid, number)

    async def ended(self, timeout: float = _STOP_TIMEOUT) -> int:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self._end)

    async def serving(self) -> None:
        """Return when its health says SERVING."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", QUICK) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest()

            async def answers() -> bool:
                try:
                    answer = await health.Check(request, timeout=1)
                except grpc.aio.AioRpcError:
                    return False
                return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

            await eventually(answers, timeout=30)


# Channels that try again soon, as the processes behind them come and go all the time.
QUICK = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass
class Processes:
    """The processes of a mesh, with all they need to be started."""

    nursery: Nursery
    url: str
    broker: EmbeddedNats
    logs: Path
    secrets: Secrets = field(default_factory=lambda: new_secrets(("temoin", "archive")))
    replicas: list[Replica] = field(default_factory=list)

    async def start(self, service: str, *, port: int = 0, failpoint: str = "") -> Replica:
        """Start a replica of *service* on *port*, by default a free one, with FAILPOINT *failpoint*."""
        log = self.logs / f"{service}-{len(self.replicas)}.log"
        environment = self._environment(service, port or free_port(), failpoint)
        replica = await self.nursery.start(service, environment, log)
        self.replicas.append(replica)
        return replica

    @asynccontextmanager
    async def kept_running(self, service: str) -> AsyncIterator["Kept"]:
        """A replica of *service* that is started again, on its port, whenever it ends."""
        kept = Kept(self, service, free_port())
        await kept.start()
        keeping = asyncio.create_task(kept.keep())
        try:
            yield kept
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def stop_all(self) -> list[int]:
        """Stop in order what runs; the exit codes."""
        running = [replica for replica in self.replicas if replica.running]
        for replica in running:
            replica.send(signal.SIGCONT)
            replica.send(signal.SIGTERM)
        return list(await asyncio.gather(*(replica.ended() for replica in running)))

    def _environment(self, service: str, port: int, failpoint: str) -> Mapping[str, str]:
        own = {
            "CRM_ENV": "test",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": self.url,
            "NATS_URL": self.broker.url,
            "GRPC_HOST": "127.0.0.1",
            "GRPC_PORT": str(port),
            "SHUTDOWN_GRACE_S": "5",
            **self.secrets.environment(service),
        }
        if failpoint:
            own["FAILPOINT"] = failpoint
        return own


@dataclass
class Kept:
    """A replica under a supervisor; *ends* are the exit codes it has had."""

    mesh: Processes
    service: str
    port: int
    ends: list[int] = field(default_factory=list)

    async def start(self) -> None:
        """Start the first, or the next one."""
        self.replica = await self.mesh.start(self.service, port=self.port)

    async def keep(self) -> None:
        """Start it again for ever."""
        while True:
            self.ends.append(await self.replica.ended(timeout=3600))
            await self.start()


@asynccontextmanager
async def processes(nursery: Nursery, url: str, broker: EmbeddedNats, logs: Path) -> AsyncIterator[Processes]:
    """Processes on the database *url* and on *broker*; none is left afterwards."""
    mesh = Processes(nursery, url, broker, logs)
    try:
        yield mesh
    finally:
        for replica in mesh.replicas:
            if replica.running:
                replica.send(signal.SIGKILL)
                await replica.ended()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
