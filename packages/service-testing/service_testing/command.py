"""The `crm` command in tests: a process with arguments and an environment of its own.

It is forked from a process that has imported everything (`fork_server.py`), which `crm` as people
start it has not; `tests/e2e` begin with the scripts that people run.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import grpc
import psutil
from crm_cli.home import without_settings
from crm_cli.selection import NATS_PORT, free_port_offset, moved_ports
from grpc_health.v1 import health_pb2, health_pb2_grpc
from service_kit.embedded import port_is_free

from service_testing.forked import ForkedCommand, forked
from service_testing.servers import copy_cluster

_PATIENCE = 60.0  # seconds for the next line of a mesh that starts or recovers


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Command:
    """The `crm` command with its environment."""

    environment: dict[str, str]

    @classmethod
    def at(cls, home: Path) -> "Command":
        """The command for the mesh in folder *home*, without any setting of whoever runs the tests."""
        return cls({**without_settings(), "CRM_HOME": str(home)})

    @property
    def home(self) -> Path:
        """The folder of the mesh."""
        return Path(self.environment["CRM_HOME"])

    def where(self, **variables: str) -> "Command":
        """The same with more environment variables."""
        return Command({**self.environment, **variables})

    async def __call__(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        """Run it to its end with *stdin* as its input."""
        with ExitStack() as stack:  # files, no pipes: a command may end without having read its input
            content, out, err = files = [stack.enter_context(TemporaryFile()) for _ in range(3)]
            content.write(stdin)
            content.seek(0)
            streams = zip(("stdin", "stdout", "stderr"), (file.fileno() for file in files), strict=True)
            process = await forked(arguments, self.environment, **dict(streams))
            return Outcome(await process.wait(), _content(out), _content(err))

    async def start(self, *arguments: str, stdout: int | None = None) -> ForkedCommand:
        """Run it in the background, without input; its output goes to the descriptor *stdout* if any."""
        return await forked(arguments, self.environment, stdout=stdout)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


async def is_serving(address: str) -> bool:
    """Whether the service at *address* says that it is SERVING."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


Background = ForkedCommand | asyncio.subprocess.Process


@dataclass(slots=True)
class Up:
    """A running `crm up` and what it has said."""

    crm: Command
    offset: int
    process: Background
    said: list[str] = field(default_factory=list)

    def address(self, service: str) -> str:
        """Where *service* listens."""
        return f"localhost:{moved_ports(self.offset)[service]}"

    @property
    def nats_url(self) -> str:
        """Where its broker listens."""
        return f"nats://localhost:{NATS_PORT + self.offset}"

    async def says(self, words: str) -> str:
        """The first line with *words* that it says from now on. Raises AssertionError at its end."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if words in line:
                    return line
        raise AssertionError("".join(self.said))

    async def says_once(self, words: str) -> str:
        """The line with *words* that it has said, or says from now on. Raises AssertionError at its end."""
        return next((line for line in self.said if words in line), "") or await self.says(words)

    def children(self) -> dict[str, psutil.Process]:
        """Its processes by name: the servers by their program, services as `ps` shows them."""
        return {_name(child): child for child in psutil.Process(self.process.pid).children()}

    async def serving(self, service: str) -> bool:
        """Whether *service* says that it is SERVING."""
        return await is_serving(self.address(service))

    def nothing_is_left(self) -> bool:
        """Whether every port is free and no server has its files in the folder."""
        ports = (NATS_PORT + self.offset, *moved_ports(self.offset).values())
        commands = [str(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"])]
        servers = [command for command in commands if str(self.crm.home) in command]
        return all(port_is_free(port) for port in ports) and not servers


def _name(process: psutil.Process) -> str:
    try:
        shown = " ".join(process.cmdline()).rstrip()
        return shown if shown.startswith("crm: ") else process.name()
    except psutil.NoSuchProcess:
        return ""  # it has ended meanwhile


@asynccontextmanager
async def up(
    crm: Command, *services: str, offset: int = 0, program: Path | None = None, empty: bool = False
) -> AsyncIterator[Up]:
    """`crm up` of *services* on free ports, serving; stopped in order at the end if it still runs.

    Its database was migrated before, unless it is to begin with an *empty* folder. *program* is
    a script that does the same, for tests of the way there.
    """
    offset = offset or free_port_offset()
    if not (empty or crm.home.exists()):
        crm.home.mkdir(parents=True)
        await asyncio.to_thread(copy_cluster, crm.home)
    placed = crm.where(CRM_PORT_OFFSET=str(offset))
    process = await (_scripted(placed, program) if program else placed.start("up", *services))
    running = Up(crm, offset, process)
    try:
        await running.says("The mesh is up")
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def _scripted(crm: Command, program: Path) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        program, env=crm.environment, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
