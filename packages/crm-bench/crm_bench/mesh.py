"""The measured mesh: a fresh one in a temporary folder, or the one that runs here."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from crm_cli.home import PROGRAM, CommandError, Home, State, without_settings
from crm_cli.selection import free_port_offset
from crm_cli.tokens import signed_token
from service_kit.embedded import ending_with_us

from crm_bench import meters

_UP = "The mesh is up"
_POLL = 0.02
_START_TIMEOUT, _STOP_TIMEOUT = 60.0, 30.0


@dataclass(frozen=True, slots=True)
class BenchMesh:
    """A running mesh and the process of its database, None when that is not ours."""

    home: Home
    state: State
    database: psutil.Process | None

    def address(self, service: str) -> str:
        """Return the address of *service*."""
        return f"localhost:{self.state.services[service]}"

    def process(self, service: str) -> psutil.Process:
        """The process of *service*."""
        return meters.listener(self.state.services[service])

    def token(self, organisation: str) -> str:
        """A bearer token for *organisation*."""
        return signed_token(self.home, user="bench", organisation=organisation, lifetime=3600)


@contextmanager
def measured_mesh(services: Sequence[str], *, running: bool, **settings: str) -> Iterator[BenchMesh]:
    """The *running* mesh of this folder, else a fresh one of *services*, removed afterwards.

    *settings* are environment variables of a fresh one. Raises CommandError.
    """
    if running:
        home = Home()
        yield BenchMesh(home, home.running(), _database_of(home))
        return
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        home = Home(Path(folder))
        with started(home, services, **settings):
            yield BenchMesh(home, home.running(), _database_of(home))


@contextmanager
def started(home: Home, services: Sequence[str], **settings: str) -> Iterator[psutil.Process]:
    """`crm up` of *services* in *home* on free ports, up; stopped at the end. Raises CommandError.

    Of the settings of this process only those of tracing count, so that one can measure what it costs.
    """
    places = {"CRM_HOME": str(home.folder), "CRM_PORT_OFFSET": str(free_port_offset())}
    traced = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    environment = {**without_settings(), **traced, **settings, **places}
    with (home.folder / "up.log").open("w") as log:
        process = psutil.Popen(
            ending_with_us([str(PROGRAM), "up", *services]),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_up(process, Path(log.name))
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(_STOP_TIMEOUT)


def _wait_until_up(process: psutil.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while _UP not in (said := log.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            last = (said.strip() or "it said nothing").splitlines()[-1]
            raise CommandError(f"the mesh to be measured did not start: {last}")
        time.sleep(_POLL)


def _database_of(home: Home) -> psutil.Process | None:
    """The embedded PostgreSQL of *home*."""
    try:
        pid = int((home.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        return psutil.Process(pid)
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
