"""`crm bench start`: time until the whole mesh serves, and its memory when idle."""

import tempfile
import time
from pathlib import Path

import psutil
from crm_cli.home import Home
from service_kit.registry import services

from crm_bench import meters
from crm_bench.mesh import started
from crm_bench.report import Report
from crm_bench.stages import Stages, stages

COLUMNS = ("services", "start s", "stop s", "services PSS MiB", "largest PSS MiB", "servers PSS MiB")


def measure(warm_starts: int) -> Report:
    """Measure one cold start in an empty folder, then *warm_starts*. Raises CommandError."""
    report = Report("start", COLUMNS)
    with (
        tempfile.TemporaryDirectory(prefix="crm-bench-") as folder,
        stages(1 + warm_starts) as progress,
    ):
        home = Home(Path(folder))
        _start("cold start, empty folder", home, progress, report)
        for number in range(warm_starts):
            _start(f"warm start {number + 1}", home, progress, report)
    return report


def _start(what: str, home: Home, progress: Stages, report: Report) -> None:
    """Start and stop the mesh; measure the seconds until all services are SERVING, and until it ended."""
    progress.next(what)
    before = time.monotonic()
    with started(home, []) as up:
        took = time.monotonic() - before
        memory = _memory(up)
        stopping = time.monotonic()
    stopped = time.monotonic() - stopping
    figures = {"services": len(services()), "start s": took, "stop s": stopped}
    report.add(what, **figures, **memory)
    progress.done()


def _memory(up: psutil.Process) -> dict[str, float]:
    """The memory below `crm up`: of the services, by the names of their processes, and of the servers."""
    children = up.children()
    forks = [child for child in children if child.name().startswith("crm: ")]
    servers = [process for child in children if child not in forks for process in meters.family(child)]
    return {
        "services PSS MiB": meters.pss(forks),
        "largest PSS MiB": max(meters.pss([fork]) for fork in forks),
        "servers PSS MiB": meters.pss(servers),
    }
