"""The container engine: the one that answers, or one of our own in a folder. Only here are programs run."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.compose.report import CheckFailed, Report

__all__ = ["Docker", "own_engine"]

_COMPOSE = "github.com/docker/compose/v2@v2.40.3"
_KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "TMPDIR", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Docker:
    """Runs `docker` and `docker compose`, each for a bounded time.

    The settings of this shell do not reach them: a variable that is set here would win over `.env`.
    """

    report: Report
    environment: Mapping[str, str] = field(
        default_factory=lambda: {name: os.environ[name] for name in _KEPT if name in os.environ}
    )
    compose_program: Sequence[str] = ("docker", "compose")

    def __call__(
        self,
        *arguments: str,
        most: float = 60,
        given: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Run docker with *arguments*, with *given* as its input and *more* variables; what it printed.

        Raises CheckFailed, with all that was printed, when it fails or takes more than *most* seconds.
        """
        return self._run(["docker", *arguments], most, given, more)

    def compose(self, *arguments: str, most: float = 60, given: str | None = None) -> str:
        """Run compose with *arguments*, as `__call__`."""
        return self._run([*self.compose_program, *arguments], most, given, None)

    def try_to(self, *arguments: str, most: float = 60) -> bool:
        """Whether docker with *arguments* succeeds."""
        try:
            self(*arguments, most=most)
        except CheckFailed:
            return False
        return True

    def _run(
        self, command: Sequence[str], most: float, given: str | None, more: Mapping[str, str] | None
    ) -> str:
        try:
            done = subprocess.run(
                command,
                env={**self.environment, **(more or {})},
                input="" if given is None else given,
                capture_output=True,
                text=True,
                timeout=self.report.left(most),
                check=False,
                start_new_session=True,  # Ctrl-C is for the check, which ends it and cleans up
            )
        except FileNotFoundError:
            raise CheckFailed(f"{command[0]} is not installed") from None
        except subprocess.TimeoutExpired:
            raise CheckFailed(f"`{' '.join(command)}` took more than {most:.0f} s") from None
        if done.returncode:
            told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise CheckFailed(f"`{' '.join(command)}` failed ({done.returncode}):\n{told}")
        return done.stdout.strip()


@contextmanager
def own_engine(report: Report, folder: Path | None) -> Iterator[Docker]:
    """Run an engine with all that is its own in *folder*, by default in one that is removed afterwards.

    For machines on which docker is installed and does not run: needs root, dockerd, and Go where the
    compose plugin is missing.
    """
    if Docker(report).try_to("version"):
        raise CheckFailed(
            "an engine runs here already, and two would share its network: leave --own-engine out"
        )
    place = folder or Path(tempfile.mkdtemp(prefix="crm-compose-check-"))
    place.mkdir(parents=True, exist_ok=True)
    report.doing(f"an engine of our own in {place}")
    docker = Docker(report, {**Docker(report).environment, "DOCKER_HOST": f"unix://{place}/docker.sock"})
    daemon = _start_daemon(place)
    try:
        _wait_for(docker, daemon, place / "dockerd.log")
        yield Docker(report, docker.environment, _compose(docker, place))
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def _start_daemon(place: Path) -> "subprocess.Popen[bytes]":
    options = {"data-root": "data", "exec-root": "run", "pidfile": "docker.pid"}
    command = ["dockerd", *(f"--{name}={place / path}" for name, path in options.items())]
    with (place / "dockerd.log").open("wb") as log:
        try:
            # Not ended by Ctrl-C: the check needs it to clean up.
            return subprocess.Popen(
                [*command, f"--host=unix://{place}/docker.sock"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise CheckFailed("dockerd is not installed (on Debian: apt install docker.io)") from None


def _wait_for(docker: Docker, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + docker.report.left(60)
    while not docker.try_to("version", most=10):
        if daemon.poll() is not None or time.monotonic() > until:
            raise CheckFailed(f"dockerd does not start; its log is {log}:\n{log.read_text()[-1500:]}")
        time.sleep(0.2)


def _compose(docker: Docker, place: Path) -> Sequence[str]:
    """The installed plugin, else one that is built from its Go module."""
    if docker.try_to("compose", "version"):
        return ("docker", "compose")
    built = place / "docker-compose"
    if not built.exists():
        docker.report.doing(f"the compose plugin is missing here: built from {_COMPOSE}")
        _build_compose(docker, built)
    return (str(built),)


def _build_compose(docker: Docker, built: Path) -> None:
    # Not `go install`: the module excludes versions, which that command refuses.
    script = (
        'set -e; sources=$(mktemp -d); trap \'rm -rf "$sources"\' EXIT; cd "$sources"; '
        f"go mod init check 2>/dev/null; go mod download {_COMPOSE}; "
        f'cp -r "$(go list -m -f "{{{{.Dir}}}}" {_COMPOSE})/." .; chmod -R u+w .; '
        f'CGO_ENABLED=0 go build -o "$1" ./cmd'
    )
    done = subprocess.run(
        ["bash", "-c", script, "-", str(built)],
        capture_output=True,
        text=True,
        timeout=docker.report.left(1200),
        check=False,
    )
    if done.returncode:
        raise CheckFailed(f"the compose plugin could not be built:\n{done.stderr[-1000:]}")
