"""Processes that stand still: alive for the system, silent for everybody else."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_POLL = 0.001
_STOPPED = "T"  # state of a thread, proc(5)


@contextmanager
def frozen(pid: int | None) -> Iterator[None]:
    """The process *pid* and all below it stand still inside, every thread of them."""
    assert pid is not None
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    for one in pids:
        os.kill(one, signal.SIGSTOP)
    try:
        for one in pids:
            while not _stands_still(one):
                time.sleep(_POLL)
        yield
    finally:
        for one in pids:
            with contextlib.suppress(ProcessLookupError):  # killed inside
                os.kill(one, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    """Whether the stop has reached every thread: one that runs on another processor goes on for a moment."""
    states = [
        thread.read_text().rpartition(") ")[2][0] for thread in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) <= {_STOPPED}
