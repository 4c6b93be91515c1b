"""Fork server: forks test services from a process that has imported them, many in the time of one.

Orders come as lines of JSON: {"service": …, "environment": {…}, "log": …}. Answers are lines
too: "started <pid>" in the order of the orders, "ended <pid> <exit code>".
"""

import ctypes
import gc
import json
import os
import selectors
import signal
import sys
from typing import Any

from db_utils import arm_failpoint
from service_kit import serve

from tests.temoin.service import ARCHIVE, TEMOIN

_SERVICES = {service.name: service for service in (TEMOIN, ARCHIVE)}
_PORTS = {service.name: service.port for service in (TEMOIN, ARCHIVE)}
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal for this process when its parent dies


def main() -> None:
    """Fork and reap until the orders end."""
    gc.freeze()  # a collection in a child would copy what all of them share
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    selector.register(reading, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if reading in ready:
            os.read(reading, 4096)
            _reap()
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            _start(json.loads(line))


def _start(order: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        _become(order)
    print("started", pid, flush=True)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        print("ended", pid, os.waitstatus_to_exitcode(status), flush=True)


def _become(order: dict[str, Any]) -> None:
    """Serve in the child process, and end it whatever happens."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.environ.update(order["environment"])
        if "FAILPOINT" in order["environment"]:  # db_utils was imported without it
            arm_failpoint(order["environment"]["FAILPOINT"])
        serve([_SERVICES[order["service"]]], _PORTS)
        code = 0
    except BaseException:  # noqa: BLE001  # the end of a forked process
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
