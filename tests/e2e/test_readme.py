"""README.md: its commands work as they stand there, on other ports, and its map is that of the code."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats_utils import event_type
from service_kit import Edge, Service
from service_kit.registry import edges, processes, services
from service_testing.command import Up

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
# Commands that run elsewhere: to start the mesh of these tests, to run them, in continuous integration.
_ELSEWHERE = ("./scripts/up", "./scripts/test", "./scripts/check")


def commands() -> list[str]:
    """Every command of the README in order, continuation lines joined, comments removed."""
    blocks = _BLOCK.findall((ROOT / "README.md").read_text())
    text = "\n".join(block for language, block in blocks if language != "mermaid")  # its drawing
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [stripped for line in lines if (stripped := re.sub(r"\s+# .*", "", line).strip())]


@pytest.mark.parametrize("script", _ELSEWHERE)
def test_the_scripts_it_names_can_be_run(script: str) -> None:
    """The script exists and is executable."""
    assert (ROOT / script).stat().st_mode & 0o111


@pytest.mark.parametrize("service", services().values(), ids=services())
def test_its_map_tells_what_each_service_is(service: Service) -> None:
    """Port, events and page of a service stand in the map as the code has them."""
    lines = (ROOT / "README.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"| [{service.name}](")]
    page, port, _, published, consumed = (cell.strip() for cell in row.strip("|").split("|"))
    assert (ROOT / page.partition("(")[2].rstrip(")")).is_file()
    assert (port, published, consumed) == (
        str(service.port),
        ", ".join(event_type(kind).name for kind in service.publishes),
        ", ".join(subscription.kind.name for subscription in service.subscriptions),
    )


@pytest.mark.parametrize("edge", edges().values(), ids=edges())
def test_it_names_each_edge(edge: Edge) -> None:
    """An edge stands in the README with its page and its port."""
    text = (ROOT / "README.md").read_text()
    assert f"[{edge.name}](services/{edge.name}/README.md) (port {edge.port})" in text
    assert (ROOT / "services" / edge.name / "README.md").is_file()


class Terminal:
    """A shell in the folder of the repository into which commands are typed one after another."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.screen = self.transcript = ""

    async def type(self, command: str) -> None:
        """Type *command* and wait until it has succeeded; one in the background, until it has subscribed."""
        assert self._process.stdin is not None
        self.screen = ""  # since this command
        end = "" if command.endswith("&") else '; echo "exit code $?"'
        self._process.stdin.write(f"{command}{end}\n".encode())
        await self.shows("Subscribing" if command.endswith("&") else "exit code 0")

    async def shows(self, words: str) -> None:
        """Wait until *words* are on the screen. Raises AssertionError when a command fails."""
        assert self._process.stdout is not None
        if words in self.screen:
            return
        async with asyncio.timeout(60):
            while line := (await self._process.stdout.readline()).decode(errors="replace"):
                self.screen += line
                self.transcript += line
                if words in line:
                    return
                assert "exit code" not in line, self.screen
        raise AssertionError(self.screen)


@asynccontextmanager
async def terminal(mesh: Up, path: str) -> AsyncIterator[Terminal]:
    """A terminal in the root of the repository; programs started in it end with it."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        cwd=ROOT,
        env={**mesh.crm.environment, "PATH": path, "NATS_URL": mesh.nats_url},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield Terminal(process)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await process.communicate()


async def test_its_commands_work_as_they_stand_there(mesh: Up, clients_path: str) -> None:
    """All commands, typed in order in one terminal, succeed; the last one shows the event on the bus."""
    ports = {process.port: mesh.address(name) for name, process in processes().items()}
    typed = [command for command in commands() if not command.startswith(_ELSEWHERE)]
    async with terminal(mesh, clients_path) as shell:
        for command in typed:
            await shell.type(re.sub(r"localhost:(\d+)", lambda found: ports[int(found[1])], command))
        if (received := 'Received on "crm.events.client.created"') not in shell.transcript:
            await shell.shows(received)
