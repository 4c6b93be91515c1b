"""The real `crm` command in tests: a process with arguments and an environment of its own."""

import asyncio
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from service_kit.embedded import port_is_free

from crm_cli.selection import NATS_PORT, moved_ports

PROGRAM = Path(sys.executable).parent / "crm"
_SETTINGS = ("CRM_", "DATABASE_URL", "NATS_", "JWT_", "AUTH_", "GRPC_", "METRICS_", "FAILPOINT")
_OFFSETS = range(10_949, 15_000)  # above the ephemeral ports, which clients take at any time


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
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        return cls({**inherited, "CRM_HOME": str(home)})

    @property
    def home(self) -> Path:
        """The folder of the mesh."""
        return Path(self.environment["CRM_HOME"])

    def where(self, **variables: str) -> "Command":
        """The same with more environment variables."""
        return Command({**self.environment, **variables})

    async def __call__(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        """Run it to its end."""
        process = await self.start(*arguments)
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Run it in the background."""
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            PROGRAM, *arguments, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe
        )


def free_port_offset() -> int:
    """An offset at which every port of a mesh is free."""
    while True:
        offset = random.choice(_OFFSETS)
        if all(port_is_free(port) for port in (NATS_PORT + offset, *moved_ports(offset).values())):
            return offset
