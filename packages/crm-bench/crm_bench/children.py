"""Processes that share the work of a benchmark, each at the other end of a pipe."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any


def child(work: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
    """Start a process that runs *work* with its end of a pipe and *arguments*; yield our end.

    The process ignores Ctrl-C. Reading from it raises EOFError when it has ended.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the child inherits
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, former)
    theirs.close()
    return process, ours
