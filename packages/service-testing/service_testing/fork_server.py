"""A process that has imported everything and forks once for each `crm` command of the tests.

Importing the services takes a second or two of processor time, more than most commands do.
`fork_server()` is the test's side; run as a program, this module is the other one. Both share a
socket on which one message is one command with its standard streams.
"""

import contextlib
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Final

from crm_cli.main import main as crm
from db_utils import arm_failpoint
from service_kit.registry import processes

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
_LARGEST_ORDER = 128 * 1024
_STREAMS = 4  # of an order: input, output, errors, and the pipe that its end is written to


class ForkServer:
    """The process, from first use to `close`, which ends all that it has forked."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]) -> int:
        """Run `crm` with *arguments* on *streams* (descriptors 0, 1 and 2).

        Two lines can be read from the descriptor that is returned: the id of its process, and in
        the end its exit code; there are none when the fork server itself has ended.
        """
        order = {"arguments": list(arguments), "environment": dict(environment), "folder": os.getcwd()}
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._orders, [json.dumps(order).encode()], [*streams, writing])
        finally:
            os.close(writing)
        return reading

    def close(self) -> None:
        """End it."""
        self._orders.close()
        self._process.kill()
        self._process.wait()


@cache
def fork_server() -> ForkServer:
    """The fork server of this process."""
    return ForkServer()


def close_fork_server() -> None:
    """End the fork server of this process if it has one."""
    if fork_server.cache_info().currsize:
        fork_server().close()
        fork_server.cache_clear()


def _serve(orders: socket.socket) -> dict[str, Any] | None:
    """Fork for every order: in a child returns the order, in the fork server None when no more can come."""
    selector = selectors.DefaultSelector()
    selector.register(orders, selectors.EVENT_READ)
    running: dict[int, tuple[int, int]] = {}  # by descriptor of the process: its id, and whom to tell
    while True:
        for key, _ in selector.select():
            if key.fd in running:
                selector.unregister(key.fd)
                _tell_end(key.fd, *running.pop(key.fd))
                continue
            raw, streams, _, _ = socket.recv_fds(orders, _LARGEST_ORDER, _STREAMS)
            if not raw:
                return None
            pid = os.fork()
            if pid == 0:
                selector.close()
                _close(orders.detach(), *running, *(pipe for _, pipe in running.values()))
                _take_over(streams)
                return dict(json.loads(raw))
            os.write(streams[-1], b"%d\n" % pid)
            _close(*streams[:-1])
            watched = os.pidfd_open(pid)
            running[watched] = pid, streams[-1]
            selector.register(watched, selectors.EVENT_READ)


def _tell_end(watched: int, pid: int, pipe: int) -> None:
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # a test that failed waits no longer
        os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
    _close(watched, pipe)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _take_over(streams: Sequence[int]) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NAME, b"crm")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    for place, stream in enumerate(streams[:-1]):
        os.dup2(stream, place)
    _close(*streams)


def _become(order: Mapping[str, Any]) -> None:
    """Do as the `crm` program does, with its arguments and its environment."""
    os.environ.clear()
    os.environ.update(order["environment"])
    if target := os.environ.get("FAILPOINT"):  # its module was imported before the fork
        arm_failpoint(target)
    if niceness := os.environ.get("NICENESS"):
        os.nice(int(niceness))
    os.chdir(order["folder"])
    sys.argv = ["crm", *order["arguments"]]
    sys.modules["__main__"] = ModuleType("__main__")  # the children of a benchmark import it again
    crm()


def _main() -> None:
    processes()
    gc.freeze()  # so that a collection in a child does not copy what it shares with the others
    order = _serve(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        _become(order)


if __name__ == "__main__":
    _main()
