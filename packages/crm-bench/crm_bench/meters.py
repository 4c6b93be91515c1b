"""Processor time and memory of processes, measured from outside, through /proc."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil
from crm_cli.home import CommandError

_MEBIBYTE = 2**20


def listener(port: int) -> psutil.Process:
    """The process that listens on *port* of this machine. Raises CommandError."""
    for connection in psutil.net_connections("tcp"):
        local, pid = connection.laddr, connection.pid
        if connection.status == psutil.CONN_LISTEN and local and local.port == port and pid:
            return psutil.Process(pid)
    raise CommandError(f"nobody listens on port {port}, or it belongs to another user")


def family(process: psutil.Process) -> list[psutil.Process]:
    """*process* and all below it."""
    return [process, *process.children(recursive=True)]


def rss(process: psutil.Process) -> float:
    """Resident memory in MiB."""
    return float(process.memory_info().rss / _MEBIBYTE)


def pss(processes: Iterable[psutil.Process]) -> float:
    """Memory in MiB that *processes* use together: what they share counts once."""
    return float(sum(process.memory_full_info().pss for process in processes) / _MEBIBYTE)


@dataclass(frozen=True, slots=True)
class Reading:
    """Processor seconds used so far, and the moment of reading (monotonic)."""

    at: float
    seconds: float


def reading(processes: Sequence[psutil.Process]) -> Reading:
    """The processor time, user and system, that *processes* have used."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return Reading(time.monotonic(), total)
