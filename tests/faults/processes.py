"""Processes of the test services, which are started, killed, frozen and stopped like real ones."""

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
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal for this process when its parent dies
_STOP_TIMEOUT = 30.0  # seconds


class ForkServer:
    """Process that forks those of the services (`fork_server.py`)."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._starts: deque[asyncio.Future[int]] = deque()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls) -> "ForkServer":
        """Start a fork server, which ends with this process."""
        command = (sys.executable, "-m", "tests.faults.fork_server")
        return cls(
            await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdin=PIPE, stdout=PIPE, preexec_fn=_end_with_parent
            )
        )

    async def start(self, service: str, environment: Mapping[str, str], log: Path) -> "Replica":
        """Start a process of *service*, with *environment* added to ours, whose output goes to *log*."""
        order = {"service": service, "environment": dict(environment), "log": str(log)}
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starts.append(started)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        pid = await started
        return Replica(service, int(environment["GRPC_PORT"]), pid, self._ends[pid])

    async def close(self) -> None:
        """Kill the fork server, and with it all processes that it has started."""
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
        """Send the signal *number*, unless the process has ended."""
        if self.running:
            os.kill(self.pid, number)

    async def ended(self, timeout: float = _STOP_TIMEOUT) -> int:
        """Wait for the end of the process; its exit code, -N after signal N. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self._end)

    async def serving(self) -> None:
        """Wait until health says SERVING. Raises AssertionError after 30 s."""
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


# Options of channels that connect again soon: the processes behind them come and go all the time.
QUICK = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass
class Processes:
    """Processes of one mesh, on the database *url* and on *broker*; *logs* is a folder for their output."""

    fork_server: ForkServer
    url: str
    broker: EmbeddedNats
    logs: Path
    secrets: Secrets = field(default_factory=lambda: new_secrets(("temoin", "archive")))
    replicas: list[Replica] = field(default_factory=list)

    async def start(self, service: str, *, port: int = 0, failpoint: str = "") -> Replica:
        """Start a replica of *service* on *port*, by default a free one, with FAILPOINT *failpoint*."""
        log = self.logs / f"{service}-{len(self.replicas)}.log"
        environment = self._environment(service, port or free_port(), failpoint)
        replica = await self.fork_server.start(service, environment, log)
        self.replicas.append(replica)
        return replica

    @asynccontextmanager
    async def kept_running(self, service: str) -> AsyncIterator["Kept"]:
        """Keep a replica of *service* running while inside: it is started again on its port when it ends."""
        kept = Kept(self, service, free_port())
        await kept.start()
        keeping = asyncio.create_task(kept.keep())
        try:
            yield kept
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def stop_all(self) -> list[int]:
        """Stop all running replicas by SIGTERM; their exit codes."""
        running = [replica for replica in self.replicas if replica.running]
        for replica in running:
            replica.send(signal.SIGCONT)  # a frozen process would not see the next one
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
    """Replica under a supervisor; *ends* are the exit codes of its former processes."""

    mesh: Processes
    service: str
    port: int
    ends: list[int] = field(default_factory=list)

    async def start(self) -> None:
        """Start the first or the next process."""
        self.replica = await self.mesh.start(self.service, port=self.port)

    async def keep(self) -> None:
        """Start the next process after each end, until cancelled."""
        while True:
            self.ends.append(await self.replica.ended(timeout=3600))
            await self.start()


@asynccontextmanager
async def processes(
    fork_server: ForkServer, url: str, broker: EmbeddedNats, logs: Path
) -> AsyncIterator[Processes]:
    """Processes on the database *url* and on *broker*; those left at the end are killed."""
    mesh = Processes(fork_server, url, broker, logs)
    try:
        yield mesh
    finally:
        for replica in mesh.replicas:
            if replica.running:
                replica.send(signal.SIGKILL)
                await replica.ended()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
