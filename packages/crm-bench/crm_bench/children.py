"""Processes that share the work of a benchmark, each at the other end of a pipe.

They are forked from a process that has imported the benchmarks and done nothing else: it is made
once, and each of them begins as fresh as one that was started, without the second of imports.
"""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_IMPORTED = ("crm_bench.load", "crm_bench.echo")


def child(work: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
    """A fresh process that runs *work* with its end of the pipe and *arguments*; our end.

    It leaves Ctrl-C to us. Reading from it raises EOFError when it has ended.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_IMPORTED, work.__module__])
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the child inherits
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, former)
    theirs.close()
    return process, ours
