"""One of the two stacks, under a name and on ports of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.compose.engine import Docker
from tests.compose.report import CheckFailed

__all__ = ["Stack", "mebibytes", "ports_of_our_own"]

ROOT = Path(__file__).parents[2]
CALLS = Path(__file__).parent / "calls.py"
CALLER = "crm.check"  # the label of containers that make calls, which are no part of the stack
STOPPED = 90  # seconds that `down` and `stop` may take: processes have a minute


class Stack:
    """The stack of *file* at the root of the checkout, with the settings *settings* in place of `.env`.

    *folder* holds what is written for it. Its containers, volumes and networks bear the name *name*.
    """

    def __init__(
        self, docker: Docker, name: str, file: str, settings: Mapping[str, str], folder: Path
    ) -> None:
        self.docker, self.report, self.name, self.settings = docker, docker.report, name, settings
        environment, ports = folder / f"{name}.env", folder / f"{name}.yml"
        environment.write_text("".join(f"{key}='{value}'\n" for key, value in settings.items()))
        self._options = ["-p", name, "--env-file", str(environment), "-f", str(ROOT / file)]
        self.services: dict[str, dict[str, Any]] = json.loads(self.compose("config", "--format", "json"))[
            "services"
        ]
        ports.write_text(ports_of_our_own(self.services))
        self._options += ["-f", str(ports)]

    def compose(self, *arguments: str, most: float = 60, given: str | None = None) -> str:
        """Run a command of compose for this stack."""
        return self.docker.compose(*self._options, *arguments, most=most, given=given)

    def up(self, *services: str, build: bool = False) -> None:
        """Start the stack, or *services* of it, and wait until all that run are healthy."""
        options = ["--detach", "--wait", "--wait-timeout", "600", *(["--build"] if build else [])]
        try:
            self.compose("up", *options, *services, most=1500 if build else 630)
        except CheckFailed as failure:
            raise CheckFailed(f"{failure}\n{self._complaints()}") from None

    def stop(self, service: str) -> None:
        """Stop *service*, as an operator does."""
        self.compose("stop", service, most=STOPPED)

    def down(self) -> None:
        """Take the containers and the network away; volumes stay."""
        self.compose("down", "--timeout", "20", most=STOPPED * 2)

    def remove(self) -> None:
        """Take everything away that bears the name of this stack, also what a killed run has left."""
        ours = f"label=com.docker.compose.project={self.name}"
        for mark in (f"label={CALLER}={self.name}", ours):
            self._remove("container", mark, "--force", "--volumes")
        self._remove("network", ours)
        self._remove("volume", ours)

    def _remove(self, kind: str, mark: str, *options: str) -> None:
        everything = ("--all",) if kind == "container" else ()
        found = self.docker(kind, "ls", "--quiet", *everything, "--filter", mark).split()
        if found:
            self.docker(kind, "rm", *options, *found, most=180)

    def call(self, *step: str, **more: str) -> str:
        """Run a step of `calls.py` in the network of the stack, with *more* in its environment."""
        names = [option for name in more for option in ("--env", name)]
        return self.docker(
            *("run", "--rm", "--interactive", "--label", f"{CALLER}={self.name}", *names),
            *("--network", f"{self.name}_default"),
            *("--entrypoint", "python", self.settings["CRM_IMAGE"], "-", *step),
            most=400,
            given=CALLS.read_text(),
            more=more,
        )

    def inside(self, service: str, *command: str, given: str = "") -> str:
        """Run *command* in the container of *service*."""
        return self.compose("exec", "--no-TTY", service, *command, given=given)

    def states(self) -> dict[str, str]:
        """What the engine says of each container: healthy, running, exited."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {one["Service"]: one["Health"] or one["State"] for one in map(json.loads, lines)}

    def memory(self) -> str:
        """What the containers take together, as `docker stats` says it."""
        ids = self.compose("ps", "--quiet").split()
        lines = self.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *ids).splitlines()
        used = {name: mebibytes(amount) for name, amount, *_ in map(str.split, lines)}
        most = max(used, key=lambda name: used[name])
        total = f"{sum(used.values()):.0f} MiB in {len(used)} containers"
        return f"{total}, {used[most]:.0f} of them in {most}"

    def _complaints(self) -> str:
        """The last lines of those that are not as they should be."""
        bad = [name for name, state in self.states().items() if state not in ("healthy", "running")]
        return "\n".join(self.compose("logs", "--no-color", "--tail", "8", name) for name in bad[:4])


def ports_of_our_own(services: Mapping[str, Mapping[str, Any]]) -> str:
    """Free ports in the place of those that are published, which a mesh of this machine may have."""
    lines = ["services:"]
    for name, service in services.items():
        if ports := service.get("ports"):
            wanted = ", ".join(f'"{port["host_ip"]}::{port["target"]}"' for port in ports)
            lines.append(f"  {name}: {{ports: !override [{wanted}]}}")
    return "\n".join(lines if len(lines) > 1 else ["services: {}"]) + "\n"


def mebibytes(amount: str) -> float:
    """Read an amount of `docker stats`."""
    factors = {"GiB": 1024.0, "MiB": 1.0, "KiB": 1 / 1024, "B": 1 / 1024**2}
    unit = next(unit for unit in factors if amount.endswith(unit))
    return float(amount.removesuffix(unit)) * factors[unit]
