"""Terminal of a person at the mesh, with the clients that people use."""

import asyncio
from dataclasses import dataclass

from service_testing.command import Up


@dataclass(frozen=True)
class Shell:
    """Runs programs with the PATH *path* and the settings of *mesh*."""

    mesh: Up
    path: str

    async def run(self, *command: str, **variables: str) -> tuple[int, str]:
        """Run *command* with more environment *variables*; its exit code and all that it printed."""
        process = await self.start(*command, **variables)
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode(errors="replace")

    async def start(self, *command: str, **variables: str) -> asyncio.subprocess.Process:
        """Start *command* in the background."""
        mesh = {"PATH": self.path, "NATS_URL": self.mesh.nats_url}
        environment = {**self.mesh.crm.environment, **mesh, **variables}
        return await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )

    async def grpcurl(self, service: str, method: str, *options: str) -> tuple[int, str]:
        """Call *method* of *service* with grpcurl; its exit code and all that it printed."""
        return await self.run("grpcurl", "-plaintext", *options, self.mesh.address(service), method)
