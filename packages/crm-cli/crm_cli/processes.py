"""One process per service, forked from a parent that has imported everything once.

Nothing of gRPC may exist before the fork; see `up.py`, which keeps to that.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from grpc_utils import PortTaken
from service_kit.registry import ports
from service_kit.service import Service
from service_kit.serving import serve
from service_kit.settings import ConfigurationError

_PR_SET_PDEATHSIG = 1
_REFUSED = 78  # EX_CONFIG of sysexits.h: starting again would not help
_LARGEST_LOG = 10 * 1024 * 1024
_SILENCE = 5.0  # seconds without a sign of life after which a service counts as stuck
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STABLE = 30.0  # seconds of running after which the pause starts small again


class ServiceProcess:
    """The process of one service: started, watched, started again when it ends by itself."""

    def __init__(self, service: Service, environment: Mapping[str, str], logs: Path) -> None:
        self.service = service
        self.log = logs / f"{service.name}.log"
        self._environment = environment
        self.pid = 0
        self.restarts = 0
        self.refusal = ""
        self._pipe = -1
        self._heard_at = self._started_at = 0.0
        self._serving = False
        self._restart_at: float | None = None
        self._pause = _FIRST_PAUSE

    @property
    def state(self) -> str:
        """SERVING, NOT_SERVING, STARTING, STUCK or STOPPED."""
        if not self.pid:
            return "STOPPED"
        now = time.monotonic()
        if not self._heard_at:
            return "STARTING"
        if now - self._heard_at > _SILENCE:
            return "STUCK"
        return "SERVING" if self._serving else "NOT_SERVING"

    def start(self) -> None:
        """Fork; the child serves until it is told to stop."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._become_service(writing)
        os.close(writing)
        os.set_blocking(reading, False)
        self.pid, self._pipe = pid, reading
        self._heard_at, self._started_at, self._restart_at = 0.0, time.monotonic(), None

    def watch(self) -> None:
        """Take note of what the process said, of its end, and of the time to start it again."""
        now = time.monotonic()
        if self._restart_at is not None and now >= self._restart_at:
            self.restarts += 1
            self.start()
        if not self.pid:
            return
        with contextlib.suppress(BlockingIOError):
            if said := os.read(self._pipe, 64):
                self._heard_at, self._serving = now, said.endswith(b"1")
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            self._ended(os.waitstatus_to_exitcode(status), now)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end; it is not started again."""
        self._restart_at = None
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def reap(self) -> bool:
        """Whether the process has ended."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self._forget()
        return not self.pid

    def _ended(self, code: int, now: float) -> None:
        self._forget()
        if code == _REFUSED:
            lines = self.log.read_text(errors="replace").splitlines()
            self.refusal = lines[-1] if lines else "it gave no reason"
            return
        if now - self._started_at > _STABLE:
            self._pause = _FIRST_PAUSE
        self._restart_at = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _forget(self) -> None:
        os.close(self._pipe)
        self.pid, self._pipe, self._serving = 0, -1, False

    def _become_service(self, pipe: int) -> None:
        """In the child: run the service and end the process, whatever happens."""
        code = 1
        try:
            self._prepare()
            for name, value in self._environment.items():
                os.environ.setdefault(name, value)  # what the user has set wins
            serve([self.service], ports(), report=lambda serving: _say(pipe, serving))
            code = 0
        except (ConfigurationError, PortTaken) as error:
            print(error, file=sys.stderr)
            code = _REFUSED
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _prepare(self) -> None:
        os.setpgid(0, 0)  # Ctrl-C is for the parent, which stops its services in order
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        mode = "ab" if not self.log.exists() or self.log.stat().st_size < _LARGEST_LOG else "wb"
        with self.log.open(mode) as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)


def _say(pipe: int, serving: bool) -> None:
    os.write(pipe, b"1" if serving else b"0")
