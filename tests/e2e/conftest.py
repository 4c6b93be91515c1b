"""Fixtures: the whole mesh, started by `./scripts/up`, and a shell with the clients that people use."""

import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from service_testing.command import Command, Up, up

from tests.e2e.shell import Shell

ROOT = Path(__file__).parents[2]
_STAND_INS = {"grpcurl": "grpcurl_by_buf.sh", "nats": "nats_by_nats_py.py"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say with which clients the stories were run."""
    for name, stand_in in _STAND_INS.items():
        found = shutil.which(name)
        terminalreporter.write_line(f"e2e: {name} is {found or f'not installed, {stand_in} stands in'}")


@pytest.fixture(scope="package")
def clients_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with `grpcurl` and `nats`: the real ones where installed, else the stand-ins of this folder."""
    folder = tmp_path_factory.mktemp("bin")
    for name, stand_in in _STAND_INS.items():
        if shutil.which(name) is None:
            source = (Path(__file__).parent / "stand_ins" / stand_in).read_text()
            program = folder / name
            program.write_text(source.replace("@BIN@", str(Path(sys.executable).parent)))
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{os.environ['PATH']}{os.pathsep}{folder}"


@pytest.fixture(scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """All services and servers, started as the README says, on free ports."""
    crm = Command.at(tmp_path_factory.mktemp("e2e") / "mesh home")
    async with up(crm, program=ROOT / "scripts" / "up", empty=True) as running:
        yield running


@pytest.fixture
def shell(mesh: Up, clients_path: str) -> Shell:
    """A terminal at the mesh."""
    return Shell(mesh, clients_path)
